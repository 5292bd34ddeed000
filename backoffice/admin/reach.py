"""Which companies are open to a user: the part of a form that asks it."""

from __future__ import annotations

from typing import Any

from flask_wtf import FlaskForm
from sqlalchemy import func, select
from wtforms import RadioField, SelectMultipleField
from wtforms.fields import SelectChoice  # type: ignore[attr-defined]  # newer than its stubs
from wtforms.validators import ValidationError
from wtforms.widgets import CheckboxInput

from backoffice.extensions import db
from backoffice.models import User
from backoffice.models.reach import existing
from backoffice.models.user import user_company

ALL, CHOSEN = "all", "chosen"
REACH_WORDS = [
    SelectChoice(ALL, "All companies, and any added later"),
    SelectChoice(CHOSEN, "Only those ticked here"),
]


class ReachForm(FlaskForm):
    """All companies, or some."""

    reach = RadioField("Companies", choices=REACH_WORDS, default=ALL)
    companies = SelectMultipleField("Companies", coerce=int, option_widget=CheckboxInput())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.companies.choices = [SelectChoice(company.id, company.name) for company in db.session.scalars(existing())]

    def validate_companies(self, field: Any) -> None:
        """Some have to be ticked, where only the ticked ones are open."""
        if self.reach.data == CHOSEN and not field.data:
            raise ValidationError("Tick at least one company, or open all of them.")

    @property
    def chosen(self) -> list[int] | None:
        """The numbers of those that are open; None for all."""
        return list(self.companies.data or ()) if self.reach.data == CHOSEN else None

    @property
    def wrong(self) -> list[str]:
        """What is wrong with it, in sentences."""
        return [*self.reach.errors, *self.companies.errors]


def reach_of(user: User) -> dict[str, Any]:
    """What the form shows of a user."""
    return {"reach": CHOSEN if user.limited else ALL, "companies": [company.id for company in user.companies]}


def reach_words(people: list[User]) -> dict[int, str]:
    """What a list says of the companies of each."""
    counts = select(user_company.c.user_id, func.count()).group_by(user_company.c.user_id)
    chosen = {user_id: count for user_id, count in db.session.execute(counts)}  # noqa: C416  # rows are no pairs
    return {one.id: f"{chosen.get(one.id, 0):,} chosen" if one.bounded else "All" for one in people}
