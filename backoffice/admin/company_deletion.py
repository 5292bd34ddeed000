"""Deleting a company: what would go, an archive of it first, its name typed; then how far it is, and what went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Response, abort, current_app, redirect, request, stream_with_context, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_login import current_user
from sqlalchemy import select

from backoffice.admin.archive import archive
from backoffice.admin.company_base import Page, company_with, number
from backoffice.admin.export import reading
from backoffice.admin.unlinking import end_there
from backoffice.clock import now
from backoffice.extensions import db
from backoffice.models import RECORDS, Company, Connection, Deletion, Role
from backoffice.queue import doorbell
from backoffice.sync import deletion, linking
from backoffice.wording import plural

#: What people call what stands in a table, where no record says it.
TABLE_WORDS = {
    "attachment_content": "files of attachments",
    "company_settings": "settings",
    "connection": "links to organisations",
    "counter": "counters of numbers",
    "csv_import": "imports",
    "delivery": "deliveries of notifications",
    "history": "entries of history",
    "link": "links of records",
    "mail": "e-mails",
    "likeness": "likenesses",
    "match": "likely matches",
    "need_change": "changes of what needs a person",
    "notice": "notices of changes there",
    "pull_run": "readings of lists",
    "receiver": "addresses that notifications are delivered to",
    "subscription": "people who are told of it",
    "sync_attempt": "requests sent",
    "sync_attempt_item": "records in requests sent",
    "sync_job": "sync jobs",
    "told": "needs that were told",
    "user_company": "users it was opened to",
}
RECORD_WORDS = {model.table().name: model.plural() for model in RECORDS}


@dataclass(frozen=True)
class Part:
    """What is, or was, kept of a company in one table."""

    label: str
    count: int
    #: Whether these are records; else it is what is kept about them.
    records: bool


class CompanyDeletionView(Page):
    """The pages on the way to a company's end."""

    in_menu = False
    read_role = write_role = Role.ADMINISTRATOR

    def __init__(self) -> None:
        super().__init__("Delete a company", "Administration", endpoint="company_deletion", url="/companies/delete")

    @expose("/", methods=("GET", "POST"))
    def index(self) -> ResponseReturnValue:
        key = number(request.values.get("id"))
        if begun := db.session.scalar(select(Company.deletion_id).where(Company.id == key)):
            return redirect(url_for("company_deletion.done", id=begun), code=303)
        company, wrong = company_with(key), ""
        if request.method == "POST":
            if request.form.get("name", "").split() == company.name.split():  # blanks in a row are shown as one
                return self._delete(company)
            wrong = f"This is not its name. Type {company.name} to delete it."
        parts = shown(deletion.counted(db.session(), company.id))
        return self.render("companies/delete.html", doomed=company, parts=parts, wrong=wrong, linked=_active(company))

    @expose("/archive/")
    def archive(self) -> ResponseReturnValue:
        company = company_with(number(request.args.get("id")))
        return Response(
            stream_with_context(reading(archive(db.session(), company))),
            mimetype="application/zip",
            headers={"Content-Disposition": f'attachment; filename="company-{company.id}-{now():%Y-%m-%d}.zip"'},
        )

    @expose("/done/")
    def done(self) -> ResponseReturnValue:
        key = number(request.args.get("id"))
        found = db.session.get(Deletion, key) if key else None
        if found is None:
            abort(404)
        return self.render("companies/deleted.html", deletion=found, parts=shown(found.removed))

    @expose("/resume/", methods=("POST",))
    def resume(self) -> ResponseReturnValue:
        """Go on with what was given up."""
        key = number(request.form.get("id"))
        if key is None or not deletion.resume(db.session(), key):
            abort(404)
        return self._follow(key)

    def _delete(self, company: Company) -> ResponseReturnValue:
        active = _active(company)
        if active is not None:
            provider = current_app.extensions["providers"].get(active.provider)
            company_id = company.id
            linking.unlink(db.session(), active)
            end_there(provider, active)
            company = company_with(company_id)
        begun = deletion.begin(db.session(), company, current_user.id)
        return self._follow(begun.id)

    def _follow(self, deletion_id: int) -> ResponseReturnValue:
        """Ring for it, and show how far it is."""
        doorbell.ring("delete_company", deletion_id, urgent=True)
        return redirect(url_for("company_deletion.done", id=deletion_id), code=303)


def _active(company: Company) -> Connection | None:
    """What the company is linked by, if it is."""
    return db.session.scalar(select(Connection).where(Connection.company_id == company.id, Connection.active))


def given_up() -> Sequence[Deletion]:
    """The deletions that wait for somebody to let them go on."""
    return db.session.scalars(select(Deletion).where(Deletion.reason.is_not(None)).order_by(Deletion.id)).all()


def shown(counts: dict[str, int]) -> list[Part]:
    """Counts by table in words: the records first, then what was kept about them."""
    order = [*RECORD_WORDS, *sorted(counts.keys() - RECORD_WORDS.keys())]
    return [Part(_label(name), counts[name], name in RECORD_WORDS) for name in order if counts.get(name)]


def _label(table: str) -> str:
    return RECORD_WORDS.get(table) or TABLE_WORDS.get(table) or plural(table.replace("_", " "))
