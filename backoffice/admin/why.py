"""Why isn't it here? Paste a number, a name, an id or a link, read the verdict, or ask the other side."""

from __future__ import annotations

from typing import Any

from flask import current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy import select

from backoffice.admin import links, there_words, why_words
from backoffice.admin.company_base import Page, here
from backoffice.admin.messages import say, show_error
from backoffice.errors import BackofficeError
from backoffice.extensions import db
from backoffice.models import KINDS, Company, Connection, User
from backoffice.queue import doorbell
from backoffice.sync import asking, why
from backoffice.sync.asking import TO_BE_HAD, Row
from backoffice.sync.mapper import Mapper
from backoffice.sync.provider import Provider
from backoffice.sync.why import Asked

#: Characters of what is pasted that are looked at.
LONGEST = 2_000
#: So many other companies are looked through.
MOST_COMPANIES = 5_000


class WhyView(Page):
    """Finds out why something is not where a person looks for it."""

    def __init__(self) -> None:
        super().__init__("Why isn’t it here?", "Sync", endpoint="why", url="why")

    @expose("/")
    def index(self) -> ResponseReturnValue:
        return self._page(asked())

    @expose("/ask/", methods=("POST",))
    def ask(self) -> ResponseReturnValue:
        """Ask the other side now: one call."""
        wanted, connection = asked(), links.connection_here()
        mapper = chosen(connection)
        if connection is None or not connection.usable or mapper is None or not wanted.key:
            flash("Say what it is and of which kind, in a company that is linked.", "warning")
            return redirect(url_for("why.index", q=wanted.text), code=303)
        provider = links.provider_of(connection)
        assert provider is not None
        try:
            rows = asking.ask(db.session(), provider, connection, mapper, wanted)
        except BackofficeError as error:
            show_error(f"{provider.name} could not be asked.", error)
            return redirect(url_for("why.index", q=wanted.text, kind=mapper.kind), code=303)
        return self._page(wanted, rows=rows, mapper=mapper)

    @expose("/bring-in/", methods=("POST",))
    def bring_in(self) -> ResponseReturnValue:
        """Read one of theirs by its id."""
        connection = links.connection_here()
        mapper, external_id = chosen(connection), request.form.get("id", "")
        if connection is None or not connection.usable or mapper is None or not why.ID.fullmatch(external_id):
            flash("Ask for it first, in a company that is linked.", "warning")
            return redirect(url_for("why.index"), code=303)
        provider = links.provider_of(connection)
        assert provider is not None
        job = asking.bring_in(db.session(), provider, connection, mapper, external_id)
        if job is None:
            flash("It cannot be read just now. Look at the sync jobs, then try again.", "warning")
        else:
            doorbell.ring("run", job.id, urgent=True)
            say("It is being brought in.", url_for("sync_jobs.details", id=job.id), "See the job")
        return redirect(url_for("why.index", q=external_id), code=303)

    def _page(self, wanted: Asked, rows: list[Row] | None = None, mapper: Mapper | None = None) -> ResponseReturnValue:
        session, others = db.session(), other_companies()
        found = why.find(session, here().id, wanted, others) if wanted.text else None
        provider, connection = links.provider_here(), links.connection_here()
        kinds = [one.kind for one in asking.askable(provider)] if provider else []
        return self.render(
            "why.html",
            wanted=wanted,
            found=found,
            hits=[(hit, why_words.said_of(hit)) for hit in found.hits] if found else [],
            writers=writers(found),
            rows=[(row, *there(row)) for row in rows] if rows is not None else None,
            asked_kind=mapper.kind if mapper else request.args.get("kind") or likely_kind(found),
            kinds=why.kinds_of(wanted, kinds) or kinds,
            askable=bool(self.may_write and connection and connection.usable and wanted.key),
            to_be_had=TO_BE_HAD,
            column_label=column_label,
            fresh=None,
        )


def likely_kind(found: why.Findings | None) -> str:
    """What it is, going by what was found here."""
    return found.hits[0].kind if found and found.hits else ""


def asked() -> Asked:
    """What the form says."""
    text = request.values.get("q", "").replace("\x00", "").strip()[:LONGEST]
    provider = links.provider_here() or next(iter(all_providers()), None)
    return Asked(text, provider.place(text) if provider else None)


def all_providers() -> list[Provider]:
    """The accounting systems of this deployment."""
    return list(current_app.extensions["providers"].values())


def chosen(connection: Connection | None) -> Mapper | None:
    """The kind that the form names, as the provider has it."""
    provider = links.provider_of(connection) if connection else None
    kind = request.form.get("kind")
    return next((one for one in asking.askable(provider) if one.kind == kind), None) if provider else None


def other_companies() -> list[int]:
    """The other companies that are open to the person who looks."""
    query = select(Company.id).where(Company.id != here().id, Company.deletion_id.is_(None))
    return list(db.session.scalars(query.order_by(Company.id).limit(MOST_COMPANIES)))


def writers(found: Any) -> dict[int, str]:
    """Who wrote what is left of records that are here no more."""
    ids = {hit.trace.user_id for hit in found.hits if hit.trace is not None} if found else set()
    return {user.id: user.name for user in db.session.scalars(select(User).where(User.id.in_(ids - {None})))}


def there(row: Row) -> tuple[list[why_words.Said], str | None]:
    """What is said of a row of theirs, and the page of the record that it is here."""
    if row.record is None:
        return [there_words.said_there(row)], None
    hit = why.Hit(row.kind, row.record, links.link_of(row.record), list(row.causes))
    return why_words.said_of(hit), links.page_of(row.record)


def column_label(kind: str, column: str) -> str:
    """What people call a column of a kind."""
    return KINDS[kind].column_label(column).lower()
