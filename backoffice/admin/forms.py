"""Forms of records: exact numbers, limits taken from the columns, and edits that do not pass each other by."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from flask_admin.contrib.sqla.form import AdminModelConverter
from flask_admin.form import BaseForm
from flask_admin.model.form import converts
from wtforms import DecimalField, Field, StringField, ValidationError
from wtforms.fields import SelectChoice  # type: ignore[attr-defined]  # newer than its stubs
from wtforms.validators import Length, NumberRange, Regexp

#: What a whole number of 64 bits holds at four decimals.
LARGEST_AMOUNT = Decimal(10) ** 14
LONGEST_TEXT = 10_000
NO_NUL = Regexp(r"^[^\x00]*$", message="This holds a character that cannot be kept; type it anew.")
EMAIL = Regexp(r"^[^@\s,;]+@[^@\s,;]+\.[^@\s,;]+$", message="This is not an e-mail address: name@example.com")


def options(words: Mapping[Any, str]) -> list[Any]:
    """The choices of a select field, for a list of words."""
    return [SelectChoice(key.value, word) for key, word in words.items()]


class RecordForm(BaseForm):
    """A form that refuses what no database keeps."""

    def validate(self, extra_validators: Any = None) -> bool:
        fine = bool(super().validate(extra_validators))
        for field in self:
            if isinstance(field.data, str) and "\x00" in field.data:
                field.errors = [*field.errors, "This holds a character that cannot be kept; type it anew."]
                fine = False
        return fine


class PlacesAtMost:
    """Refuses more decimal places than the column keeps, instead of rounding silently."""

    def __init__(self, places: int) -> None:
        self.places = places

    def __call__(self, _form: Any, field: Field) -> None:
        if not isinstance(field.data, Decimal):
            return
        exponent = field.data.as_tuple().exponent
        if not isinstance(exponent, int):
            raise ValidationError("This is not a number.")
        if -exponent > self.places and field.data != round(field.data, self.places):
            raise ValidationError(f"At most {self.places} decimal places.")


class AmountField(DecimalField):
    """A number shown with the places it needs and no more."""

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else f"{self.data.normalize():f}"

    def process_formdata(self, valuelist: list[Any]) -> None:
        super().process_formdata([text.strip().replace(",", "") for text in valuelist])
        if self.data is not None and not self.data.is_finite():
            self.data = None
            raise ValueError("This is not a number.")


class RecordConverter(AdminModelConverter):
    """Fields for our own column types; what people type loses the blanks around it."""

    @converts("Exact")
    def exact(self, column: Any, field_args: dict[str, Any], **_extra: Any) -> Field:
        field_args["validators"] += [
            PlacesAtMost(column.type.places),
            NumberRange(-LARGEST_AMOUNT, LARGEST_AMOUNT, message="This number is too large."),
        ]
        field_args["places"] = None
        return AmountField(**field_args)

    @converts("String")
    def string(self, column: Any, field_args: dict[str, Any], **_extra: Any) -> Field:
        field_args["filters"] = [*field_args["filters"], stripped]
        self._string_common(column=column, field_args=field_args)
        return StringField(**field_args)

    @converts("Text")
    def long_text(self, column: Any, field_args: dict[str, Any], **_extra: Any) -> Field:
        field_args["validators"].append(Length(max=LONGEST_TEXT))
        return self.conv_Text(column=column, field_args=field_args)

    def _get_label(self, name: str, field_args: Any) -> str:
        return str(field_args.get("label") or self.view.get_column_name(name))


def stripped(text: Any) -> Any:
    """What was typed, without the blanks around it."""
    return text.strip() if isinstance(text, str) else text
