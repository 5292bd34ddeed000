"""The rows of a document's form: read from what was typed, checked field by field, written into its lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from backoffice.admin.company_base import number
from backoffice.admin.figures import FigureError, figure, typed_figure
from backoffice.admin.line_choices import Choices
from backoffice.extensions import db
from backoffice.models import Document, Line, Totals
from backoffice.models.document import worked_out
from backoffice.models.totals import HUNDRED, LARGEST, Amount, TooLargeError, Treatment, line_amount, totals

#: A document has no more lines than this.
MOST_LINES = 500
#: Empty rows at the end of the form, for who has no script.
EXTRA_ROWS = 3
LONGEST = {"item_code": 30, "description": 4000, "account_code": 10, "tax_code": 50}
FIGURES = {"quantity": Decimal(10) ** 9, "unit_price": Decimal(10) ** 9, "discount": HUNDRED}
DEFAULTS = {"quantity": Decimal(1), "unit_price": Decimal(0), "discount": Decimal(0)}
NAME = re.compile(r"lines\.([0-9]{1,6})\.([a-z_0-9]+)")
#: The last field of the form; without it, a part of the form was lost on its way.
END = "lines.end"
LABELS = {"tracking_1_id": "Tracking", "tracking_2_id": "Second tracking", "discount": "Discount %"}


def label(column: str) -> str:
    """What people call a field of a line."""
    return LABELS.get(column, column.removesuffix("_code").replace("_", " ").capitalize())


@dataclass
class Row:
    """One row as it was typed, with what is wrong in it."""

    position: int
    typed: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    line: Line | None = None
    amount: Amount | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing was typed; a quantity of one is there from the start."""
        return not any(text for key, text in self.typed.items() if key not in ("id", "quantity"))

    def name(self, column: str) -> str:
        """The field's name and anchor."""
        return f"lines.{self.position}.{column}"

    def kept(self, column: str, value: Any) -> bool:
        """Whether a value is what the line holds already."""
        return self.line is not None and getattr(self.line, column) == value


class Rows:
    """The lines of one document on a form."""

    def __init__(self, document: Document | None, choices: Choices, places: int, discounts: bool) -> None:
        self.document, self.choices, self.places, self.discounts = document, choices, places, discounts
        self.rows: list[Row] = []
        #: What is wrong with the lines as a whole.
        self.error = ""
        self.totals: Totals | None = None

    # What stands on the form.

    def shown(self, treatment: Treatment) -> Rows:
        """The rows as they are kept."""
        lines = list(self.document.lines) if self.document else []
        amounts = [worked_out(self.document, line, self._rate(line)) for line in lines] if self.document else []
        for position, (line, amount) in enumerate(zip(lines, amounts, strict=True), start=1):
            self.rows.append(Row(position, typed_line(line), line=line, amount=amount))
        self.totals = totals(treatment, amounts)
        return self

    def _rate(self, line: Line) -> Decimal:
        return self.choices.rate({column: getattr(line, column) for column in Line.content})

    def read(self, form: Mapping[str, str]) -> Rows:
        """The rows as they were typed, in the order in which they were sent; empty ones are left out."""
        known = {line.id: line for line in self.document.lines} if self.document else {}
        found: dict[int, dict[str, str]] = {}
        for key in form:
            name = NAME.fullmatch(key)
            if name and name[2] in ("id", *Line.content):
                found.setdefault(int(name[1]), {})[name[2]] = clean(form[key])
        typed = [one for one in found.values() if not Row(0, one).empty]
        self.rows = [Row(at, one) for at, one in enumerate(typed, start=1)]
        for row in self.rows:
            row.line = known.pop(number(row.typed.get("id")) or 0, None)
        self.error = self._wrong_as_a_whole(END in form)
        return self

    def _wrong_as_a_whole(self, complete: bool) -> str:
        if not complete:
            return "This page was not complete when it was sent. Open the document again and repeat the change."
        if len(self.rows) > MOST_LINES:
            return f"A document has at most {MOST_LINES} lines; these are {len(self.rows):,}. Make two of it."
        return ""

    def __iter__(self) -> Iterator[Row]:
        """The rows to show, with some empty ones behind them."""
        shown = self.rows[: MOST_LINES + 100]
        yield from shown
        for more in range(1, EXTRA_ROWS + 1):
            yield Row(len(shown) + more, {})

    @property
    def errors(self) -> list[tuple[str, str, str]]:
        """Everything that is wrong: (anchor, which field, sentence)."""
        found = [("lines", "Lines", self.error)] if self.error else []
        for row in self.rows:
            found += [(row.name(key), f"Line {row.position}, {label(key)}", said) for key, said in row.errors.items()]
        return found

    # Whether it can be kept.

    def check(self, treatment: Treatment) -> bool:
        """Read every field, and work out what the lines come to."""
        if self.error:
            return False
        for row in self.rows:
            self._check_texts(row)
        codes = [row.values["item_code"] for row in self.rows if "item_code" not in row.errors]
        items = self.choices.items(filter(None, codes))
        for row in self.rows:
            self._check_item(row, items)
            self._check_codes(row)
            self._check_figures(row)
            self._check_tracking(row)
            if not row.errors:
                self._compute(row, treatment)
        if not any(row.errors for row in self.rows):
            self.totals = totals(treatment, [row.amount for row in self.rows if row.amount])
        return not self.errors

    def _check_texts(self, row: Row) -> None:
        for column, longest in LONGEST.items():
            text = row.typed.get(column, "")
            row.values[column] = text or None
            if "\x00" in text:
                row.errors[column] = "This holds a character that cannot be kept; type it anew."
            elif len(text) > longest:
                row.errors[column] = f"This is too long: {longest:,} characters at most."

    def _check_item(self, row: Row, items: Mapping[str, Any]) -> None:
        code = row.values["item_code"]
        if code is None or "item_code" in row.errors or row.kept("item_code", code):
            return
        item = items.get(code.lower())
        if item is None:
            row.errors["item_code"] = f"There is no active item with the code {code}."
            return
        row.values["item_code"] = item.code
        for column, text in self.choices.filling(item).items():
            if not row.typed.get(column):
                row.typed[column] = text
                if column in LONGEST:
                    row.values[column] = text[: LONGEST[column]] or None

    def _check_codes(self, row: Row) -> None:
        account, tax = row.values["account_code"], row.values["tax_code"]
        if account and "account_code" not in row.errors:
            # What a list of suggestions puts in may be code and name together.
            first = account.split(" ")[0]
            row.values["account_code"] = first if first in self.choices.account_codes else account
            if row.values["account_code"] not in self.choices.account_codes and not row.kept("account_code", account):
                row.errors["account_code"] = f"There is no active account {account} that takes lines."
        if tax and "tax_code" not in row.errors and tax not in self.choices.tax_codes and not row.kept("tax_code", tax):
            row.errors["tax_code"] = f"{tax} is no tax code for this side; choose one of the list."

    def _check_figures(self, row: Row) -> None:
        for column, largest in FIGURES.items():
            text = row.typed.get(column, "")
            row.values[column] = DEFAULTS[column]
            if column == "discount" and not self.discounts:
                row.values[column] = row.line.discount if row.line else DEFAULTS[column]
                continue
            try:
                row.values[column] = figure(text, 4, largest) if text else DEFAULTS[column]
            except FigureError as error:
                row.errors[column] = str(error)
        if row.values["discount"] < 0:
            row.errors["discount"] = "A discount is not below nothing; raise the price instead."

    def _check_tracking(self, row: Row) -> None:
        for column in ("tracking_1_id", "tracking_2_id"):
            text = row.typed.get(column, "")
            key = row.values[column] = number(text)
            if text and key not in self.choices.options and not row.kept(column, key):
                row.errors[column] = "This option is not there any more; choose one of the list."
        chosen = [self.choices.options.get(row.values[c] or 0) for c in ("tracking_1_id", "tracking_2_id")]
        if chosen[0] and chosen[1] and chosen[0].category_id == chosen[1].category_id:
            row.errors["tracking_2_id"] = f"Both are {chosen[0].category}; a line has one option of each category."

    def _compute(self, row: Row, treatment: Treatment) -> None:
        """What the row comes to, as the provider rounds it; and whether that can be kept."""
        values = row.values
        rate = self.choices.rate(values)
        try:
            row.amount = line_amount(
                treatment, values["quantity"], values["unit_price"], values["discount"], rate, self.places
            )
        except ArithmeticError:
            row.errors["tax_code"] = f"With a rate of {rate:f} % nothing can be worked out; mend the tax code first."
            return
        except TooLargeError:
            row.errors["unit_price"] = f"This line comes to more than {LARGEST:,f}."
            return
        if abs(row.amount.tax) > LARGEST:
            row.errors["unit_price"] = f"The tax of this line comes to more than {LARGEST:,f}."

    # Into the document.

    def gone(self) -> list[Line]:
        """The document's lines that are not on the form any more."""
        kept = {id(row.line) for row in self.rows}
        return [line for line in (self.document.lines if self.document else []) if id(line) not in kept]

    def fill(self, document: Document) -> None:
        """Make these the lines of the document."""
        for line in self.gone():
            db.session.delete(line)
        lines = []
        for position, row in enumerate(self.rows, start=1):
            line = row.line or type(document).line(position=position)
            for column, value in row.values.items():
                if row.line is None or getattr(line, column) != value:
                    setattr(line, column, value)
            lines.append(line)
        if list(document.lines) != lines:
            document.lines[:] = lines


def clean(text: str) -> str:
    """What was typed, without the blanks around it and with plain ends of lines."""
    return text.replace("\r\n", "\n").strip()


def typed_line(line: Line) -> dict[str, str]:
    """A line as the fields of a form show it."""
    found: dict[str, str] = {"id": str(line.id)}
    for column in Line.content:
        held = getattr(line, column)
        found[column] = typed_figure(held) if isinstance(held, Decimal) else str(held if held is not None else "")
    if not line.discount:
        found["discount"] = ""
    return found
