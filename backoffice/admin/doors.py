"""The doors of the forms, as bringing back and undoing go through them: what each kind's screen lets people write."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from flask import current_app
from flask_login import current_user
from sqlalchemy import select

from backoffice.admin import links
from backoffice.admin.company_base import here
from backoffice.extensions import db
from backoffice.models import Connection, Document, Line, Undo, User
from backoffice.past.doors import Doors, Form

if TYPE_CHECKING:
    from backoffice.admin.record_view import RecordView

#: What comes in with a line and is not typed.
NOT_TYPED = frozenset({"discount_amount"})


@cache
def forms() -> dict[str, Form]:
    """By kind, what people write of it."""
    from backoffice.admin.views import RECORD_VIEWS  # which show histories, and so come after this

    found: dict[str, Form] = {}
    for view in RECORD_VIEWS:
        known = found.get(view.record.kind, Form())
        why = getattr(view, "why_frozen", "")
        found[view.record.kind] = Form(
            known.columns | _columns(view), view.archivable, why if isinstance(why, str) else ""
        )
    return found


def _columns(view: type[RecordView]) -> frozenset[str]:
    table = view.record.table().c
    names = {name if name in table else f"{name}_id" for name in _fields(view)}
    lines = set(Line.content) - NOT_TYPED if issubclass(view.record, Document) else set()
    return frozenset(names & set(table.keys())) | {f"lines.{column}" for column in lines}


def _fields(view: type[RecordView]) -> Iterable[str]:
    form: Any = view.form
    if form is not None:
        return [name for name in dir(form) if hasattr(getattr(form, name), "field_class")]
    return [column for _, columns in view.groups for column in columns] if view.editable else []


def doors_here() -> Doors:
    """The person who looks, at the forms of the company here."""
    user: User = current_user._get_current_object()
    return Doors(db.session(), here().id, user, forms(), links.provider_name())


def doors_of(undo: Undo) -> Doors:
    """The person who asked for an undoing, at the forms of its company; where no page is shown."""
    session = db.session()
    linked = select(Connection.provider).where(Connection.company_id == undo.company_id, Connection.active)
    provider = current_app.extensions["providers"].get(session.scalar(linked) or "")
    name = provider.name if provider else "the accounting system"
    return Doors(session, undo.company_id, undo.user, forms(), name)
