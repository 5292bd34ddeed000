"""The forms of documents: their heads field by field; their lines are rows of their own."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from wtforms import DateField, Field, SelectField, StringField, TextAreaField, ValidationError
from wtforms.validators import InputRequired, Length, Optional
from wtforms.widgets import TextInput

from backoffice.admin.company_base import here
from backoffice.admin.figures import FigureError, figure, typed_figure
from backoffice.admin.forms import RecordForm, options, stripped
from backoffice.admin.line_rows import Rows
from backoffice.admin.words import TREATMENT_WORDS
from backoffice.database import folded
from backoffice.extensions import db
from backoffice.models import Contact, rules
from backoffice.models.totals import Treatment

FIRST_YEAR, LAST_YEAR = 1900, 2200


class TextField(Field):
    """One line of text that is read as something else."""

    widget = TextInput()


class DayField(DateField):
    """A day, in the browser's own calendar; one that was typed wrong stays as it was typed."""

    def __init__(self, label: str, needed: str = "", **more: Any) -> None:
        super().__init__(label, [InputRequired(needed) if needed else Optional()], **more)

    def process_formdata(self, valuelist: list[Any]) -> None:
        text = valuelist[0].strip() if valuelist else ""
        self.data: dt.date | None = None
        if not text:
            return
        try:
            self.data = dt.date.fromisoformat(text)
        except ValueError:
            raise ValueError("This is no date; write it as 2026-11-21.") from None
        if not FIRST_YEAR <= self.data.year <= LAST_YEAR:
            raise ValueError(f"The year {self.data.year} cannot be right.")


class FigureField(TextField):
    """A number, read exactly."""

    def __init__(
        self, label: str, places: int, needed: str = "", largest: Decimal = Decimal(10) ** 9, **more: Any
    ) -> None:
        super().__init__(label, [InputRequired(needed) if needed else Optional()], **more)
        self.places, self.largest = places, largest

    def _value(self) -> str:
        return str(self.raw_data[0]) if self.raw_data else typed_figure(self.data)

    def process_formdata(self, valuelist: list[Any]) -> None:
        text = valuelist[0].strip() if valuelist else ""
        self.data: Decimal | None = None
        if text:
            try:
                self.data = figure(text, self.places, self.largest)
            except FigureError as error:
                raise ValueError(str(error)) from None


class PartyField(TextField):
    """A contact of the company, by its name; its data is the contact."""

    def _value(self) -> str:
        return str(self.raw_data[0]) if self.raw_data else str(self.data or "")

    def process_formdata(self, valuelist: list[Any]) -> None:
        text = valuelist[0].strip() if valuelist else ""
        held = self.object_data
        self.data: Contact | None = None
        if not text or "\x00" in text:
            raise ValueError("Choose who it is for." if not text else "This holds a character that cannot be kept.")
        if held is not None and held.name == text:
            self.data = held
            return
        query = select(Contact).where(Contact.company_id == here().id, Contact.name_key == folded(text)[:255])
        found = list(db.session.scalars(query.where(Contact.archived.is_(False)).limit(2)))
        if len(found) > 1:
            raise ValueError(f"More than one active contact is called {text}; rename one of them first.")
        if not found:
            archived = db.session.scalar(query.limit(1)) is not None
            raise ValueError(
                f"{text} is archived; restore it first, or choose another."
                if archived
                else f"There is no contact called {text[:80]}. Type a part of the name and choose from the list."
            )
        self.data = found[0]

    def populate_obj(self, obj: Any, name: str) -> None:
        if self.data is not None and obj.contact_id != self.data.id:
            obj.contact_id = self.data.id


class CurrencyField(StringField):
    """Three letters, or nothing."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        text = valuelist[0].strip().upper() if valuelist else ""
        self.data = text or None
        if text and not (len(text) == 3 and text.isascii() and text.isalpha()):
            raise ValueError("A currency has three letters, such as NZD.")


def text_field(label: str, longest: int, lines: bool = False, **more: Any) -> Any:
    """A text that may be left out."""
    sort = TextAreaField if lines else StringField
    said = f"This is too long: {longest} characters at most."
    return sort(label, [Length(max=longest, message=said)], filters=[stripped, lambda text: text or None], **more)


class DocumentForm(RecordForm):
    """What every document has at its head."""

    contact = PartyField("Party", id="contact_id")
    name = text_field("Number", 255)
    reference = text_field("Reference", 255)
    date = DayField("Date", "Choose a date.")
    currency = CurrencyField("Currency", description="Three letters, such as NZD. Empty: the organisation’s own.")
    currency_rate = FigureField(
        "Currency rate", 10, description="Units of it for one of the organisation’s own. Empty: the day’s rate."
    )
    treatment = SelectField("Amounts are", choices=options(TREATMENT_WORDS), coerce=Treatment)

    #: Its lines, which are no field of it.
    lines: Rows

    def validate_currency_rate(self, field: Any) -> None:
        if why := rules.why_no_rate(field.data):
            raise ValidationError(why)

    def validate(self, extra_validators: Any = None) -> bool:
        fine = bool(super().validate(extra_validators))
        return self.lines.check(self.treatment.data or Treatment.EXCLUSIVE) and fine

    def populate_obj(self, obj: Any) -> None:
        with db.session.no_autoflush:
            for name, field in self._fields.items():
                if name == "contact" or getattr(obj, name) != field.data:
                    field.populate_obj(obj, name)
            obj.name = obj.name or ""
            self.lines.fill(obj)


class OrderForm(DocumentForm):
    """Of a purchase order."""

    delivery_date = DayField("Delivery date")
    delivery_address = text_field("Delivery address", 1000, lines=True)
    attention_to = text_field("Attention", 255)
    telephone = text_field("Telephone", 50)
    delivery_instructions = text_field("Delivery instructions", 500, lines=True)


class DueForm(DocumentForm):
    """Of what is to be paid by a day."""

    due_date = DayField("Due date")
