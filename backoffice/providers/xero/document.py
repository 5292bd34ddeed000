"""What Xero's orders, bills, invoices and credit notes have in common: a head, lines, and a status of its own.

https://developer.xero.com/documentation/api/accounting/invoices
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from backoffice.models import (
    CompanySettings,
    Contact,
    Direction,
    Document,
    Item,
    Line,
    Payment,
    Record,
    SentAs,
    Status,
    TrackingCategory,
    TrackingOption,
    Treatment,
)
from backoffice.providers.xero.document_checks import findings
from backoffice.providers.xero.posted import endings
from backoffice.providers.xero.shape import XeroMapper, name, number, plain, text
from backoffice.sync.books import Books
from backoffice.sync.lines import content
from backoffice.sync.mapper import Field, Payload, Ref, Refusal, digest

TREATMENTS = {"Exclusive": Treatment.EXCLUSIVE, "Inclusive": Treatment.INCLUSIVE, "NoTax": Treatment.NONE}
WORDS = {treatment: word for word, treatment in TREATMENTS.items()}
#: Their states in the order in which a document goes through them, and ours.
STATUSES = {
    "DRAFT": Status.DRAFT,
    "SUBMITTED": Status.AWAITING_APPROVAL,
    "AUTHORISED": Status.APPROVED,
    "BILLED": Status.APPROVED,
    "PAID": Status.APPROVED,
}
ORDER = tuple(STATUSES)
SENT_AS = {SentAs.DRAFT: "DRAFT", SentAs.AWAITING_APPROVAL: "SUBMITTED", SentAs.AUTHORISED: "AUTHORISED"}
#: The fields of a document whose keys are the same everywhere.
HEAD = (
    Field("reference", "Reference"),
    Field("date", "Date"),
    Field("currency", "CurrencyCode"),
    Field("currency_rate", "CurrencyRate"),
    Field("treatment", "LineAmountTypes"),
    Field("status", "Status"),
    Field("archived", "Status"),
    Field("sub_total", "SubTotal"),
    Field("tax_total", "TotalTax"),
    Field("total", "Total"),
    Field("their_status", "Status"),
    Field("their_total", "Total"),
)


class DocumentMapper(XeroMapper):
    """A document, both ways: what we approved goes out, what was made there comes in, and money due follows Xero."""

    model: ClassVar[type[Document]]
    direction = Direction.BOTH
    asks = True
    carries = Payment.kind
    match_by = ("name",)
    lookup_key = ("name",)
    resting = {"VOIDED": "voided", "DELETED": "deleted"}
    theirs = Document.their_columns
    computed = Document.computed_columns | {"currency_rate"}
    standing = frozenset({"status", "archived"})
    stays = frozenset({"due_date", "delivery_date", "currency"})
    refs = (Ref("contact_id", "Contact.ContactID", Contact.kind, fetched=True),)
    line_fields = (
        Field("item_code", "ItemCode"),
        Field("description", "Description"),
        Field("quantity", "Quantity"),
        Field("unit_price", "UnitAmount"),
        Field("discount", "DiscountRate"),
        Field("discount_amount", "DiscountAmount"),
        Field("account_code", "AccountCode"),
        Field("tax_code", "TaxType"),
        Field("amount", "LineAmount"),
        Field("tax_amount", "TaxAmount"),
    )
    line_refs = (
        Ref("tracking_1_id", "Tracking", TrackingOption.kind, optional=True),
        Ref("tracking_2_id", "Tracking", TrackingOption.kind, optional=True),
    )
    #: What Xero calls this kind among those of its list; None for a list of its own.
    type_word: ClassVar[str | None] = None
    #: The setting that says in which state an approved one arrives.
    sent_as: ClassVar[str] = ""
    #: Whether it is posted to the ledger, so that a closed period bars it.
    posts: ClassVar[bool] = True
    needs_due_date: ClassVar[bool] = True
    #: The state of one that is taken back after it was approved there.
    voided: ClassVar[str] = "VOIDED"

    def rows(self, payload: Payload) -> Sequence[Payload]:
        return (payload,) if self.type_word is None or payload.get("Type") == self.type_word else ()

    def carried(self, payload: Payload) -> Mapping[str, Payload]:
        found = payload.get("Payments") or []
        return {key: one for one in found if isinstance(one, dict) and (key := name(one, "PaymentID"))}

    def load(self, payload: Payload) -> dict[str, Any]:
        lines = payload.get("LineItems") or []
        if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
            raise ValueError("LineItems is no list")
        return {**super().load(payload), "lines": [self._line(line) for line in lines]}

    def read(self, field: Field, payload: Payload) -> Any:
        raw = payload.get(field.key)
        if field.column == "treatment":
            return TREATMENTS.get(str(raw), Treatment.EXCLUSIVE)
        if field.column == "status":
            return Status.VOIDED if self.gone(payload) else STATUSES.get(str(raw), Status.DRAFT)
        return super().read(field, payload)

    def _line(self, line: Payload) -> dict[str, Any]:
        columns = self.model.line.__mapper__.columns
        values: dict[str, Any] = {}
        for field in self.line_fields:
            values[field.column] = _cell(line.get(field.key), columns[field.column])
        first, second = [*_options(line), None, None][:2]
        return {**values, "tracking_1_id": first, "tracking_2_id": second, "as_it_came": True}

    def agreed(self, payload: Payload) -> str:
        values = {**self.load(payload), **self.names(payload)}
        aside = self.theirs | self.computed | self.standing
        head = {column: value for column, value in values.items() if column not in aside and column != "lines"}
        return digest({**head, "lines": content(values["lines"])})

    def arrived(self, sent: Payload, there: Payload) -> bool:
        if "LineItems" not in sent:
            return self.gone(there) is not None
        return super().arrived(sent, there)

    def found(self, sent: Payload, row: Payload) -> bool:
        """By number and party: what another party has under the number is not ours."""
        return super().found(sent, row) and name(row, "Contact.ContactID") == name(sent, "Contact.ContactID")

    def in_time(self, values: dict[str, Any], settings: CompanySettings) -> bool:
        since = settings.bring_in_from
        return settings.brings_in(self.kind) and (since is None or values["date"] >= since)

    def welcome(self, values: dict[str, Any], gone: str | None, settings: CompanySettings) -> bool:
        return gone is None and self.in_time(values, settings)

    def doubtful(self, record: Record, values: dict[str, Any]) -> bool:
        """The same number of the same party, but for another amount."""
        assert isinstance(record, Document)
        return bool(record.total != values["total"])

    def check(self, record: Record, gone: str | None, books: Books) -> Sequence[Refusal]:
        assert isinstance(record, Document)
        return findings(self, record, gone, books)

    def check_ending(self, record: Record, books: Books) -> Sequence[Refusal]:
        assert isinstance(record, Document)
        return endings(self, record, books)

    def dump(self, record: Record, books: Books) -> Payload:
        """All of it; of one that is voided only that."""
        assert isinstance(record, Document)
        if record.voided:
            return {"Status": self.voided if record.their_status in ("AUTHORISED", "PAID") else "DELETED"}
        return self.whole(record, books)

    def whole(self, record: Record, books: Books) -> Payload:
        assert isinstance(record, Document)
        keys = {field.column: field.key for field in self.fields}
        payload: Payload = {
            keys["name"]: record.name,
            "Reference": record.reference or "",
            "Contact": {"ContactID": books.external_id(Contact.kind, record.contact_id)},
            "Date": record.date.isoformat(),
            "CurrencyCode": record.currency or books.base_currency,
            "LineAmountTypes": WORDS[record.treatment],
            "Status": self.status(record, books),
            "LineItems": [self.dump_line(record, line, books) for line in record.lines],
        }
        if self.type_word is not None:
            payload["Type"] = self.type_word
        if record.due_date is not None and "due_date" in keys:
            payload[keys["due_date"]] = record.due_date.isoformat()
        if record.currency_rate is not None:
            payload["CurrencyRate"] = plain(record.currency_rate)
        return payload

    def refresh(self, record: Record, books: Books) -> None:
        """The rates of its taxes may have changed since it was saved."""
        assert isinstance(record, Document)
        record.compute(books.lines, record.lines, [line for line in record.lines if not line.as_it_came])

    def status(self, record: Document, books: Books) -> str:
        """What it is to be there: as the settings say, and never less than it is."""
        wanted = SENT_AS[getattr(books.settings, self.sent_as)] if self.sent_as else "AUTHORISED"
        ours = {Status.DRAFT: "DRAFT", Status.AWAITING_APPROVAL: "SUBMITTED"}.get(record.status, wanted)
        known = books.external_id(record.kind, record.id) is not None and record.their_status in ORDER
        there = record.their_status if known else "DRAFT"
        return max(ours, str(there), key=ORDER.index)

    def dump_line(self, record: Document, line: Line, books: Books) -> Payload:
        """A line of an integrated item names it; any other, and one whose item is gone there, says all by itself."""
        if line.mere_text:
            return {"Description": line.description or ""}
        item = books.lines.item(line.item_code)
        payload: Payload = {
            "Description": line.description or (item.name if item else ""),
            "Quantity": plain(line.quantity),
            "UnitAmount": plain(line.unit_price),
        }
        if item is not None and books.in_use(Item.kind, item.id):
            payload["ItemCode"] = item.code
        if account := books.lines.account_code(record.side, line):
            payload["AccountCode"] = account
        if tax := self.tax_type(record, line, books):
            payload["TaxType"] = tax
        if line.discount and record.discounted:
            payload["DiscountRate"] = plain(line.discount)
        if line.discount_amount and record.discounted:
            payload["DiscountAmount"] = plain(line.discount_amount)
        if line.as_it_came:
            payload["TaxAmount"] = plain(line.tax_amount)
        payload["Tracking"] = [
            _tracking(option_id, books)
            for option_id in sorted(i for i in (line.tracking_1_id, line.tracking_2_id) if i is not None)
        ]
        return payload

    def tax_type(self, record: Document, line: Line, books: Books) -> str | None:
        """Xero's code of a line's tax; where nothing is taxed, none is needed."""
        return "NONE" if record.treatment is Treatment.NONE else books.lines.tax_type(record.side, line)


def _cell(raw: Any, column: Any) -> Any:
    """A value of a line; what is left out is the column's own nothing."""
    if raw is None or raw == "":
        return None if column.nullable else column.default.arg
    if hasattr(column.type, "places"):
        return number(raw, column.type.places, column.key)
    return text(raw, column.key, getattr(column.type, "length", None))


def _options(line: Payload) -> list[str]:
    """The tracking options of a line by their ids, in a fixed order."""
    tracking = line.get("Tracking") or []
    if not isinstance(tracking, list) or not all(isinstance(each, dict) for each in tracking):
        raise ValueError("Tracking is no list")
    return sorted(found for each in tracking if (found := name(each, "TrackingOptionID")))


def _tracking(option_id: int, books: Books) -> Payload:
    category = books.options[option_id].category_id
    return {
        "TrackingCategoryID": books.external_id(TrackingCategory.kind, category),
        "TrackingOptionID": books.external_id(TrackingOption.kind, option_id),
    }
