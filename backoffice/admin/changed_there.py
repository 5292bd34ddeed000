"""Changed there: what somebody changed on the other side after we sent it, and a person's choice what holds."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose

from backoffice.admin import links
from backoffice.admin.company_base import Page, not_found, number
from backoffice.admin.document_steps import may_approve
from backoffice.admin.views import VIEW_OF_KIND
from backoffice.errors import BackofficeError, ReadOnlyRecordError
from backoffice.extensions import db
from backoffice.models import KINDS, Document, Link, Record, Status
from backoffice.queue import doorbell
from backoffice.sync import changed
from backoffice.sync.changed import Difference
from backoffice.sync.mapper import Mapper

KEEP_THEIRS, SEND_OURS, CHOOSE = "theirs", "ours", "choose"
MOVED_ON = "It was changed once more since this page was made; nothing was done. Look again, then choose."
NOTHING_LEFT = "Nothing differs any more."


class ChangedView(Page):
    """The page on which such a record is settled."""

    in_menu = False

    def __init__(self) -> None:
        super().__init__("Changed there", "Sync", endpoint="changed_there", url="changed-there")

    @expose("/", methods=("GET", "POST"))
    def index(self) -> ResponseReturnValue:
        link, record = self._one()
        onward = url_for(f"{VIEW_OF_KIND[link.kind]}.details_view", id=record.id)
        mapper = links.mapper_of(link)
        if link.changed_there is None or mapper is None:
            flash(NOTHING_LEFT, "info")
            return redirect(onward)
        found = changed.differences(db.session(), mapper, link)
        if request.method == "POST":
            return self._settle(link, record, mapper, found, onward)
        return self.render(
            "documents/changed.html",
            record=record,
            link=link,
            found=found,
            shown_as=fingerprint(found),
            onward=onward,
            screen=VIEW_OF_KIND[link.kind],
            KEEP_THEIRS=KEEP_THEIRS,
            SEND_OURS=SEND_OURS,
            CHOOSE=CHOOSE,
        )

    def _one(self) -> tuple[Link, Record]:
        key, connection = number(request.values.get("link")), links.connection_here()
        link = db.session.get(Link, key) if key else None
        if link is None or connection is None or link.connection_id != connection.id or link.kind not in VIEW_OF_KIND:
            not_found("record that was changed")
        record = links.record_at(link.kind, link.record_id)
        return (link, record) if record is not None else not_found(KINDS[link.kind].label)

    def _settle(
        self, link: Link, record: Record, mapper: Mapper, found: Sequence[Difference], onward: str
    ) -> ResponseReturnValue:
        again = redirect(url_for("changed_there.index", link=link.id), code=303)
        how, name, connection_id = request.form.get("how", ""), str(record), link.connection_id
        problem = MOVED_ON if request.form.get("shown") != fingerprint(found) else barred(record)
        if problem:
            flash(problem, "warning")
            return again
        try:
            said = self._carry_out(how, link, mapper, found)
            db.session.commit()
        except ReadOnlyRecordError:
            db.session.rollback()
            flash(f"{name} cannot be changed here; keep what is in {links.provider_name()}.", "danger")
            return again
        except BackofficeError as error:
            db.session.rollback()
            flash(error.message, "danger")
            return again
        if not said:
            flash("Choose a side for each row that differs.", "danger")
            return again
        doorbell.ring("push", connection_id, urgent=True)
        flash(f"{name}: {said}", "success")
        return redirect(onward, code=303)

    def _carry_out(self, how: str, link: Link, mapper: Mapper, found: Sequence[Difference]) -> str:
        """Do what the person chose; says what was done, or nothing where the choice was not complete."""
        session, there = db.session(), links.provider_name()
        if how == KEEP_THEIRS:
            changed.keep_theirs(session, mapper, link)
            return f"it is here now as it is in {there}."
        if how == SEND_OURS:
            changed.send_ours(session, mapper, link)
            return f"ours is sent to {there}."
        chosen = {one.key: request.form.get(f"side.{one.key}") for one in found}
        if how != CHOOSE or not set(chosen.values()) <= {KEEP_THEIRS, SEND_OURS}:
            return ""
        changed.merge(session, mapper, link, {key for key, side in chosen.items() if side == KEEP_THEIRS})
        return f"what you chose holds, and is sent to {there}."


def barred(record: Record) -> str:
    """Why the person who looks may not settle it: what is approved is changed by who may approve it."""
    if not isinstance(record, Document) or record.status is not Status.APPROVED:
        return ""
    why = may_approve(record)
    return f"{record} is approved. {why} Only who may approve it settles this." if why else ""


def fingerprint(found: Sequence[Difference]) -> str:
    """The same as long as the same things differ."""
    text = "\n".join(f"{one.key}\t{one.ours!r}\t{one.theirs!r}" for one in found)
    return sha256(text.encode()).hexdigest()
