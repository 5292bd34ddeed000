"""What all documents share: contact, dates, currency, lines, totals; how they are found, listed and written."""

from __future__ import annotations

from typing import ClassVar

from backoffice.sandbox.xero import answers, embedded
from backoffice.sandbox.xero.attachments import ATTACHMENT_VERBS, Attached
from backoffice.sandbox.xero.call import Call, Reply
from backoffice.sandbox.xero.days import Day, day_in, locked_until, locked_words, put_day, today
from backoffice.sandbox.xero.fields import (
    Choice,
    Field,
    InvalidError,
    Number,
    Text,
    read_fields,
    too_long,
    without_empty,
)
from backoffice.sandbox.xero.lines import LineItems, Pricing, Side, make_lines, repriced
from backoffice.sandbox.xero.money import exact, shown, to_places
from backoffice.sandbox.xero.parties import CONTACT, contact_of
from backoffice.sandbox.xero.rates import day_rate
from backoffice.sandbox.xero.shelf import Json, Row
from backoffice.sandbox.xero.sums import discount, shown_lines, totals

# Ends what is searched in a row; behind it stands the app that made it.
MADE_BY = "\x1f"
HEADER: dict[str, Field] = {
    "Contact": CONTACT,
    "LineItems": LineItems,
    "Date": Day,
    "LineAmountTypes": Choice("Exclusive", "Inclusive", "NoTax"),
    "Reference": Text(255),
    "BrandingThemeID": Text(),
    "CurrencyCode": Text(3),
    "CurrencyRate": Number,
    "Total": Number,
}
# Read, but laid over the stored body by rules of their own.
BY_RULES = ("Contact", "LineItems", "Total", "CurrencyRate")


class Document(Attached):
    """A purchase order, an invoice, a bill, a credit note.

    A subclass says its days, its statuses in `permit`, and what else makes it valid in `wrong`.
    """

    verbs = {
        "GET": "read_list",
        "GET/id": "read_one",
        "PUT": "create",
        "POST": "upsert",
        "POST/id": "update",
        **ATTACHMENT_VERBS,
    }
    writing = frozenset({"accounting.invoices", "accounting.transactions"})
    error_flag = "HasErrors"
    paged = dated = True
    number_key: ClassVar[str]
    days: ClassVar[tuple[str, ...]] = ("Date",)
    creates_contacts: ClassVar[bool] = False
    locks: ClassVar[bool] = False
    fine: ClassVar[bool] = False

    # --- reading ----------------------------------------------------------------------------------

    def find(self, call: Call, key: str) -> Row | None:
        shelf = call.shelf(self.name)
        return shelf.get(key) or next(iter(shelf.all_by_number(key)), None)

    def detail(self, body: Json, call: Call) -> Json:
        shown_body = {**body, "Contact": embedded.whole(call, body["Contact"])}
        return {**shown_body, "LineItems": shown_lines(body["LineItems"], self.places(call))}

    def written(self, row: Row, call: Call) -> Json:
        return {**self.detail(row.body, call), **row.answer}

    def places(self, call: Call) -> int:
        """Decimal places of unit amounts: four only where and when they are asked for."""
        return call.places if self.fine else 2

    # --- writing ----------------------------------------------------------------------------------

    def upsert(self, call: Call) -> Reply:
        return self.write(call, lambda element: self._match(call, element))

    def update(self, call: Call, key: str) -> Reply:
        def named(element: Json) -> Row:
            # Found inside of the transaction, so that nothing that moves meanwhile is written over.
            row = self.find(call, key)
            if row is None:
                raise answers.not_found()
            element.setdefault(self.id_key, row.id)
            return row

        return self.write(call, named, only=1)

    def _match(self, call: Call, element: Json) -> Row | None:
        """By id, else by number: the trap that rewrites a document that happens to have it."""
        sent = read_fields(element, {self.id_key: Text(), self.number_key: Text(), "Type": Text()})
        if sent.get(self.id_key):
            row = call.shelf(self.name).get(sent[self.id_key])
            if row is None:
                raise InvalidError(f"The document with the ID {sent[self.id_key]} could not be found.")
            return row
        number = sent.get(self.number_key)
        return self.same_number(call, number, sent.get("Type")) if number else None

    def same_number(self, call: Call, number: str, kind: str | None) -> Row | None:
        """The document that a POST with this number means."""
        return call.shelf(self.name).by_number(number)

    def save(self, call: Call, element: Json, old: Row | None) -> Row:
        sent = read_fields(element, self.fields)
        self.permit(call, sent, old)
        contact = contact_of(call, sent.get("Contact"), old, creates=self.creates_contacts)
        body = self._laid_over(call, sent, old, contact)
        pricing = Pricing(
            self.side(body),
            self.places(call),
            body["LineAmountTypes"],
            self.discounts(body),
            self.tax_of(body, contact),
        )
        problems = too_long({key: sent[key] for key in sent if key not in BY_RULES}, self.fields)
        problems += self._currency(call, sent, body, old) + _lines(call, pricing, sent, body, old)
        problems += self._locked(call, body, old) + self.wrong(call, sent, body, old)
        if problems:
            raise InvalidError(*problems)
        self.finish(call, body, old, contact)
        updated = old.updated if old and self.silent(call, sent, old) else self.updated(call, body)
        row = self.row(call, without_empty(body), updated, old)
        row.answer = self.only_now(sent, body, old)
        call.shelf(self.name).put(row)
        return row

    def _laid_over(self, call: Call, sent: Json, old: Row | None, contact: Row) -> Json:
        body = dict(old.body) if old else {self.id_key: call.ids(), "LineAmountTypes": "Exclusive", **self.blank()}
        for key, value in sent.items():
            if key in self.days:
                put_day(body, key, value)
            elif key not in BY_RULES:
                body[key] = value
        if not body.get("Date"):
            put_day(body, "Date", today(call.organisation, call.now))
        body["Contact"] = embedded.short(contact.body)
        return body

    def _currency(self, call: Call, sent: Json, body: Json, old: Row | None) -> list[str]:
        base = call.organisation.body["BaseCurrency"]
        code = body.setdefault("CurrencyCode", base) or base
        body["CurrencyCode"] = code
        if code not in call.books.currencies:
            return [f"The organisation is not subscribed to the currency {code}."]
        if code == base:
            body["CurrencyRate"] = 1.0
        elif sent.get("CurrencyRate"):
            body["CurrencyRate"] = shown(to_places(exact(sent["CurrencyRate"]), 10))
        elif old is None or old.body["CurrencyCode"] != code:
            body["CurrencyRate"] = shown(day_rate(code, base, day_in(body, "Date")))
        return []

    def _locked(self, call: Call, body: Json, old: Row | None) -> list[str]:
        until = locked_until(call.organisation) if self.locks else ""
        dates = [day_in(one, "Date") for one in (body, *([old.body] if old else []))]
        return [locked_words(until)] if until and min(dates) <= until else []

    def row(self, call: Call, body: Json, updated: int, old: Row | None) -> Row:
        """Beside the body: the contact's id as its name, to be found by it."""
        made_by = old.search.rpartition(MADE_BY)[2] if old else call.provider
        return make_row(body, updated, self.id_key, self.number_key, made_by)

    def refused(self, element: Json, messages: list[str]) -> Json:
        """Lines of a refused document carry the list of their own errors."""
        echo = super().refused(element, messages)
        for key, value in element.items():
            if key.casefold() == "lineitems" and isinstance(value, list):
                echo[key] = [{**one, "ValidationErrors": []} for one in value]
        return echo

    # --- for subclasses ---------------------------------------------------------------------------

    def permit(self, call: Call, sent: Json, old: Row | None) -> None:
        """Raises InvalidError if the document's status forbids this write."""
        raise NotImplementedError

    def blank(self) -> Json:
        """What a new document has besides what was sent."""
        return {}

    def side(self, body: Json) -> Side:
        raise NotImplementedError

    def discounts(self, body: Json) -> bool:
        """Whether its lines may have discounts."""
        return False

    def tax_of(self, body: Json, contact: Row) -> str:
        """The tax type that the contact's lines have unless they say another."""
        return ""

    def wrong(self, call: Call, sent: Json, body: Json, old: Row | None) -> list[str]:
        return []

    def finish(self, call: Call, body: Json, old: Row | None, contact: Row) -> None:
        """The document is valid: its number, and what follows from it."""

    def silent(self, call: Call, sent: Json, old: Row | None) -> bool:
        """Whether the document's stamp stays."""
        return False

    def only_now(self, sent: Json, body: Json, old: Row | None) -> Json:
        """What only the answer to this write shows."""
        return {}


def make_row(body: Json, updated: int, id_key: str, number_key: str, made_by: str) -> Row:
    number = body.get(number_key)
    words = (number or "", body.get("Reference", ""), body["Contact"]["Name"])
    search = "\n".join(words) + MADE_BY + made_by
    return Row(body[id_key], updated, body["Status"], body["Contact"]["ContactID"], number, search, body)


def _lines(call: Call, pricing: Pricing, sent: Json, body: Json, old: Row | None) -> list[str]:
    """Lay the lines and the totals into the body; say what is wrong with them."""
    before = old.body["LineItems"] if old else []
    wanted = sent.get("LineItems", None if old else [])
    if wanted is None and old and old.body["LineAmountTypes"] != body["LineAmountTypes"]:
        wanted = [repriced(line) for line in before]
    problems: list[str] = []
    if wanted is not None:
        if not wanted:
            return ["One or more line items must be specified."]
        body["LineItems"], problems = make_lines(call, pricing, wanted, before)
        body |= totals(body["LineItems"], body["LineAmountTypes"])
        off = discount(body["LineItems"])
        body |= {"IsDiscounted": bool(off), "TotalDiscount": shown(off) if off else ""}
    if "Total" in sent and to_places(exact(sent["Total"])) != to_places(exact(body["Total"])):
        problems.append("The invoice total does not equal the sum of the lines.")
    return problems
