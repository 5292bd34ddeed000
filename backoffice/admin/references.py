"""Look-ups of other records for forms: page by page, and never beyond the company in the address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask_admin.model.ajax import AjaxModelLoader
from sqlalchemy import ColumnElement, or_, select

from backoffice.admin.company_base import here, number
from backoffice.extensions import db
from backoffice.models import Record

MOST = 50


class CompanyLoader(AjaxModelLoader):
    """Active records of one kind, found by a piece of their text."""

    def __init__(
        self,
        name: str,
        model: type[Record],
        fields: tuple[str, ...],
        only: Callable[[], ColumnElement[bool] | None] = lambda: None,
    ) -> None:
        super().__init__(name, {"placeholder": "Type to search", "minimum_input_length": 0})
        self.model, self.fields, self.only = model, fields, only

    def format(self, model: Any) -> tuple[int, str] | None:
        return (model.id, str(model)) if model else None

    def get_one(self, pk: Any) -> Any:
        key = number(pk)
        with db.session.no_autoflush:
            found = db.session.get(self.model, key) if key else None
        return found if found is not None and found.company_id == here().id else None

    def get_list(self, query: Any, offset: Any = 0, limit: Any = 10) -> list[Any]:
        text = str(query or "").replace("\x00", "")[:100]
        said = or_(*(getattr(self.model, field).icontains(text, autoescape=True) for field in self.fields))
        found = select(self.model).where(self.model.company_id == here().id, self.model.archived.is_(False), said)
        only = self.only()
        if only is not None:
            found = found.where(only)
        start = min(max(offset or 0, 0), 100_000)
        most = min(max(limit or 10, 1), MOST)
        return list(db.session.scalars(found.order_by(self.model.name_key, self.model.id).offset(start).limit(most)))
