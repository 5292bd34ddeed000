"""A purchase order, bill, invoice or credit note on paper. It reads no clock: the same content gives the same bytes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from backoffice.models.document import Document, Status
from backoffice.models.purchase_order import PurchaseOrder
from backoffice.models.side import Side
from backoffice.models.totals import Treatment
from backoffice.pdf.fonts import printable
from backoffice.pdf.letterhead import Due, Letterhead
from backoffice.pdf.sheet import INNER, MARGIN, SOFT, Column, Sheet

TREATMENT_WORDS = {
    Treatment.EXCLUSIVE: "Prices are without tax; tax is added below.",
    Treatment.INCLUSIVE: "Prices include tax.",
    Treatment.NONE: "No tax applies to these prices.",
}
#: What is said of a document that is not to be acted on.
STAMPS = {
    Status.DRAFT: "DRAFT",
    Status.AWAITING_APPROVAL: "DRAFT – NOT APPROVED",
    Status.VOIDED: "VOIDED",
}
GAP = 6.0
#: Two halves of the sheet, side by side, in millimetres.
HALF = (INNER - GAP) / 2
RIGHT = MARGIN + HALF + GAP
#: A description is at least this wide; figures that leave less are set smaller.
DESCRIPTION = 50.0
SIZES = (9.0, 8.0, 7.0, 6.0, 5.0)

Facts = list[tuple[str, str]]
Rows = list[tuple[str, ...]]


def document_pdf(document: Document, head: Letterhead) -> bytes:
    """The document as a PDF of A4 pages. Amounts are in its currency, or in the letterhead's."""
    return _Paper(document, head).made()


def file_name(document: Document) -> str:
    """What its file is called: plain letters, so that it can stand anywhere."""
    number = "".join(one if one.isascii() and (one.isalnum() or one in "-_") else "-" for one in document.name or "")
    return f"{document.label} {number.strip('-') or document.id}.pdf".replace(" ", "-")


def title_of(document: Document, head: Letterhead) -> str:
    """What kind of paper it is."""
    if document.kind == "invoice" and head.tax_number and document.treatment is not Treatment.NONE:
        return "Tax invoice"
    return document.label.capitalize()


def stamp_of(document: Document) -> str:
    """What has to be plain at first sight; empty for a document that holds."""
    return STAMPS[Status.VOIDED] if document.archived else STAMPS.get(document.status, "")


def money(amount: Decimal, places: int = 2) -> str:
    """`1,234.50`; more decimals, up to `places`, where the amount has them."""
    return f"{amount:,.2f}" if amount == round(amount, 2) else f"{amount:,.{places}f}"


def plain(number: Decimal) -> str:
    """A number without zeros behind: `1,000.5`."""
    return f"{number:,f}".rstrip("0").rstrip(".") if number != number.to_integral_value() else f"{number:,.0f}"


def day(date: dt.date | None) -> str:
    """21 Nov 2026."""
    return f"{date.day} {date:%b} {date.year}" if date else ""


class _Paper:
    """One document on its way to paper: first every text, then where it goes."""

    def __init__(self, document: Document, head: Letterhead) -> None:
        self.document, self.head = document, head
        self.currency = printable(document.currency or head.currency)
        self.title = title_of(document, head)
        self.name = f"{self.title} {printable(document.name)}".strip()
        self.stamp = stamp_of(document)
        self.company = printable(head.company)
        self.sender = [printable(line) for line in self._sender() if line]
        self.party_name = printable(document.contact.name)
        self.party = [printable(line) for line in self._party() if line]
        self.facts = [(label, printable(value)) for label, value in self._facts() if value]
        self.delivery = [(label, printable(value)) for label, value in self._delivery() if value]
        self.discounts = any(line.discount for line in document.lines)
        self.rows = [tuple(map(printable, row)) for row in self._rows()]
        self.sums = [(printable(label), amount) for label, amount in self._sums()]

    def made(self) -> bytes:
        with Sheet(self._texts(), self.head.made_at, self.name, self.company) as sheet:
            self._set_head(sheet)
            self._set_parties(sheet)
            self._set_lines(sheet)
            self._set_sums(sheet)
            sheet.feet(" · ".join(filter(None, (self.company, self.name, self.stamp))), "Page {} of {}")
            return sheet.write()

    def _texts(self) -> Iterator[str]:
        """Every text that may be set, for the choice of fonts."""
        yield from (self.title, self.stamp, self.company, self.currency, *self.sender, self.party_name, *self.party)
        yield f"{self.name} ·–"
        for label, value in (*self.facts, *self.delivery, *self.sums):
            yield from (label, value)
        for row in self.rows:
            yield from row

    # What is said.

    def _sender(self) -> Iterable[str]:
        tax = f"Tax number {self.head.tax_number}" if self.head.tax_number else ""
        return (self.head.address, self.head.phone, self.head.email, tax)

    def _party(self) -> Iterable[str]:
        party = self.document.contact
        person = " ".join(filter(None, (party.first_name, party.last_name)))
        town = " ".join(filter(None, (party.city, party.postal_code)))
        tax = f"Tax number {party.tax_number}" if party.tax_number else ""
        return (person, party.street or "", town, party.region or "", party.country or "", tax)

    def _facts(self) -> Facts:
        document = self.document
        facts = [("Number", document.name or ""), ("Reference", document.reference or "")]
        facts += [("Date", day(document.date)), ("Due", day(document.due_date)), ("Currency", self.currency)]
        return facts

    def _delivery(self) -> Facts:
        order = self.document
        if not isinstance(order, PurchaseOrder):
            return []
        return [
            ("Deliver by", day(order.delivery_date)),
            ("Deliver to", order.delivery_address or ""),
            ("Attention", order.attention_to or ""),
            ("Telephone", order.telephone or ""),
            ("Instructions", order.delivery_instructions or ""),
        ]

    def _columns(self) -> tuple[str, ...]:
        titles = ["Description", "Quantity", "Unit price"]
        titles += ["Discount"] if self.discounts else []
        titles += ["Tax"] if self.document.treatment is not Treatment.NONE else []
        return (*titles, f"Amount {self.currency}".strip())

    def _rows(self) -> Iterator[tuple[str, ...]]:
        places = type(self.document).price_places
        for line in self.document.lines:
            cells = ["\n".join(filter(None, (line.item_code, line.description))) or "–"]
            cells += [plain(line.quantity), money(line.unit_price, places)]
            cells += [f"{plain(line.discount)} %" if line.discount else ""] if self.discounts else []
            cells += [self._rate(line)] if self.document.treatment is not Treatment.NONE else []
            yield (*cells, money(line.amount))

    def _rate(self, line: Any) -> str:
        tax = self.head.taxes.get(line.tax_code or "")
        return f"{plain(tax.rate)} %" if tax else line.tax_code or "–"

    def _sums(self) -> Facts:
        document = self.document
        with_tax = document.treatment is not Treatment.NONE
        inclusive = document.treatment is Treatment.INCLUSIVE
        word = "Subtotal without tax" if inclusive else "Subtotal"
        sums = [(word, money(document.sub_total))] if with_tax else []
        sums += list(self._tax_sums()) if with_tax else []
        sums.append((self._in_currency("Total"), money(document.total)))
        return sums + list(self._due())

    def _tax_sums(self) -> Iterator[tuple[str, str]]:
        """Tax, code by code, in the order of the lines."""
        found: dict[str, Decimal] = {}
        for line in self.document.lines:
            found[line.tax_code or ""] = found.get(line.tax_code or "", Decimal(0)) + line.tax_amount
        named = [(self.head.taxes.get(code), code, amount) for code, amount in found.items()]
        shown = [(tax, code, amount) for tax, code, amount in named if tax or amount]
        for tax, code, amount in shown:
            yield (f"Tax {plain(tax.rate)} % ({tax.name})" if tax else f"Tax {code}".strip()), money(amount)
        if not shown:
            yield "Tax", money(self.document.tax_total)

    def _due(self) -> Iterator[tuple[str, str]]:
        document = self.document
        if isinstance(document, PurchaseOrder) or self.stamp == STAMPS[Status.VOIDED]:
            return
        due, credit = self._standing(), document.kind == "credit_note"
        settled = [("Paid", due.paid), ("Used" if credit else "Credited", due.credited)]
        if document.total - due.paid - due.credited != due.left:  # they know of more than is here
            settled = [("Paid or used" if credit else "Paid or credited", document.total - due.left)]
        for word, amount in settled:
            if amount:
                yield word, money(-amount)
        yield self._in_currency("Remaining credit" if credit else "Amount due"), money(due.left)

    def _standing(self) -> Due:
        """What is settled: as it is known here, or else by the accounting system's word."""
        document = self.document
        if self.head.due is not None:
            return self.head.due
        paid, credited = document.amount_paid or Decimal(0), document.amount_credited or Decimal(0)
        return Due(paid, credited, document.total if document.amount_due is None else document.amount_due)

    def _in_currency(self, word: str) -> str:
        return f"{word} {self.document.currency or self.head.currency}".strip()

    # Where it goes.

    def _set_head(self, sheet: Sheet) -> None:
        left = sheet.block(self.company, MARGIN, sheet.y, HALF, 14, "B")
        left = sheet.block("\n".join(self.sender), MARGIN, left + 1, HALF, 9, grey=SOFT)
        sheet.put(self.title, RIGHT, MARGIN, HALF, 20, "B", right=True)
        right = MARGIN + 11
        if self.stamp:
            right = sheet.stamp(self.stamp, RIGHT, right, HALF)
        sheet.y = max(left, right) + GAP

    def _set_parties(self, sheet: Sheet) -> None:
        top = sheet.y
        page = sheet.paper.page
        buys = getattr(self.document, "side", Side.SALES) is Side.PURCHASES and self.document.kind != "purchase_order"
        sheet.put("From" if buys else "To", MARGIN, top, HALF, 8, grey=SOFT)
        left = sheet.block(self.party_name, MARGIN, top + 4, HALF, 10.5, "B")
        left = sheet.block("\n".join(self.party), MARGIN, left + 0.5, HALF, 9)
        if sheet.paper.page == page:
            sheet.y = max(left, self._set_facts(sheet, self.facts, RIGHT, top))
        else:
            sheet.y = self._set_facts(sheet, self.facts, RIGHT, left)
        if self.delivery:
            sheet.y = self._set_facts(sheet, self.delivery, MARGIN, sheet.y + GAP, INNER)
        sheet.y += GAP

    def _set_facts(self, sheet: Sheet, facts: Facts, x: float, y: float, width: float = HALF) -> float:
        for label, value in facts:
            sheet.put(label, x, y, 24, 9, grey=SOFT)
            y = sheet.block(value, x + 25, y, width - 25, 9) + 0.8
        return y

    def _set_lines(self, sheet: Sheet) -> None:
        size, widths = self._fitted(sheet)
        columns = [
            Column(title, width, at > 0) for at, (title, width) in enumerate(zip(self._columns(), widths, strict=True))
        ]
        sheet.table(columns, self.rows, size)

    def _fitted(self, sheet: Sheet) -> tuple[float, list[float]]:
        """The largest type in which the figures leave the descriptions room, and the widths of the columns then."""
        for size in SIZES:
            figures = self._figure_widths(sheet, size)
            if INNER - sum(figures) >= DESCRIPTION:
                return size, [INNER - sum(figures), *figures]
        return SIZES[-1], [DESCRIPTION, *[(INNER - DESCRIPTION) / len(figures)] * len(figures)]

    def _figure_widths(self, sheet: Sheet, size: float) -> list[float]:
        titles = self._columns()[1:]
        cells: Sequence[tuple[str, ...]] = [row[1:] for row in self.rows]
        return [
            max(
                14.0,
                sheet.width(title, size, "B") + 5,
                *(sheet.width(text, size) + 5 for text in {row[at] for row in cells}),
            )
            for at, title in enumerate(titles)
        ]

    def _set_sums(self, sheet: Sheet) -> None:
        high = 5.2
        sheet.room(high * len(self.sums) + 8)
        sheet.y += 3
        top = sheet.y
        for label, amount in self.sums:
            if sheet.room(high):
                top = sheet.y
            bold = label.startswith(("Total", "Amount due", "Remaining credit"))
            if label.startswith("Total"):
                sheet.rule(sheet.y, RIGHT, HALF)
                sheet.y += 1
            wide = max(30.0, sheet.width(amount, 10, "B") + 2)
            lines = sheet.lines(label, HALF - wide, 9.5, "B" if bold else "")
            sheet.put(amount, RIGHT, sheet.y, HALF - 1, 9.5, "B" if bold else "", right=True)
            for line in lines:
                sheet.put(line, RIGHT, sheet.y, HALF - wide, 9.5, "B" if bold else "")
                sheet.y += high
        sheet.block(TREATMENT_WORDS[self.document.treatment], MARGIN, top, HALF, 9, grey=SOFT)
