"""Saving what was typed: no edit passes another by, and whatever stands in the way is said in words."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, g, request
from flask_admin import expose
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.exc import StaleDataError

from backoffice.admin import links, words
from backoffice.admin.company_base import Page, here, number
from backoffice.errors import ReadOnlyRecordError
from backoffice.extensions import db
from backoffice.models import History, Record, User

TAKEN = "Something like this is here already, and there can be only one. Change what identifies it."


def read_only_sentence(record: Any) -> str:
    """Why a record cannot be changed here."""
    name = links.provider_name()
    return f"{record} comes from {name} and is changed there; nothing was changed here."


class Saving(Page):
    """How a record is created and changed, whichever form it came by."""

    def create_model(self, form: Any) -> Any:
        """Make a record of a form; None, with the reason on the page, when that cannot be."""
        record = self.build_new_instance()
        record.company_id = here().id
        form.populate_obj(record)
        self.prepare(record)
        db.session.add(record)
        problem = self.write(record)
        if problem:
            flash(problem, "danger")
        return None if problem else record

    def prepare(self, record: Record) -> None:
        """What a new record gets besides what was typed."""

    def update_model(self, form: Any, record: Any) -> bool:
        """Change a record to what a form says, if nobody else has changed it since the form was opened."""
        name, revision = str(record), number(request.form.get("revision"))
        if revision is None:
            flash("This page was not complete. Open the record again and repeat the change.", "danger")
            return False
        set_committed_value(record, "revision", revision)
        form.populate_obj(record)
        try:
            problem = self.write(record, name)
        except StaleDataError:
            db.session.rollback()
            problem = self._overtaken(record)
            g.stale = [(field, words.value(getattr(record, field.name))) for field in self._differing(form, record)]
        if problem:
            flash(problem, "danger")
        return not problem

    def write(self, record: Any, name: str | None = None) -> str | None:
        """Commit; or undo everything and say why not."""
        try:
            db.session.commit()
        except ReadOnlyRecordError:
            db.session.rollback()
            g.refused_here = True
            return read_only_sentence(name or record)
        except IntegrityError:
            db.session.rollback()
            return TAKEN
        return None

    def _overtaken(self, record: Record) -> str:
        kept = "What you typed is kept below: look at what differs, then save again."
        return f"{who_changed(record)} changed this meanwhile. {kept}"

    def _differing(self, form: Any, record: Record) -> list[Any]:
        return [f for f in form if hasattr(record, f.name) and (getattr(record, f.name) or None) != (f.data or None)]

    @expose("/ajax/update/", methods=("POST",))
    def ajax_update(self) -> tuple[str, int]:
        """Change one field of one record in the list."""
        if not self.column_editable_list:
            abort(404)
        form = self.list_form()
        record = self.get_one(form.list_form_pk.data)
        for field in list(form):
            if field.name not in request.form or field.name == "list_form_pk":
                form.__delitem__(field.name)
        if record is None:
            return "This record is not here any more.", 404
        if not self.validate_form(form):
            return " ".join(str(error) for field in form for error in field.errors), 400
        form.populate_obj(record)
        try:
            problem = self.write(record)
        except StaleDataError:
            db.session.rollback()
            problem = "Somebody else changed this meanwhile. Load the page again."
        return (problem, 409) if problem else ("Saved", 200)


def who_changed(record: Record) -> str:
    """Who made the latest change of a record."""
    query = (
        select(History)
        .where(History.company_id == record.company_id, History.kind == record.kind, History.record_id == record.id)
        .order_by(History.id.desc())
        .limit(1)
    )
    entry = db.session.scalar(query)
    if entry is None:
        return "Somebody"
    if entry.sync_job_id:
        return f"A sync job with {links.provider_name()}"
    user = db.session.get(User, entry.user_id) if entry.user_id else None
    if user is None:
        return "Somebody"
    return "You, in another window," if user.id == current_user.id else user.name
