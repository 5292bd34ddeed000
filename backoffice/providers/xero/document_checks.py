"""Pre-flight of documents: what Xero would turn down, found before any call, each in words that name the field."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

from backoffice.models import Account, Contact, CreditNote, Document, Line, Side, Treatment
from backoffice.models.document import worked_out
from backoffice.models.totals import Amount, half_up, totals
from backoffice.providers.xero.periods import locked
from backoffice.providers.xero.posted import POSTED, endings, is_posted_now, settled
from backoffice.providers.xero.stock import stock_short
from backoffice.sync.books import Books
from backoffice.sync.mapper import Fact, Refusal

if TYPE_CHECKING:
    from backoffice.providers.xero.document import DocumentMapper

LONGEST = {"name": 255, "reference": 255, "delivery_instructions": 500, "attention_to": 255, "telephone": 50}
LONGEST_DESCRIPTION = 4000


def findings(mapper: DocumentMapper, document: Document, gone: str | None, books: Books) -> list[Refusal]:
    """All that stands in the way of a document, the most telling first."""
    external_id = books.external_id(document.kind, document.id)
    over = list(settled(mapper, document, gone, external_id))
    if over:
        return over
    if document.voided:
        return endings(mapper, document, books)
    found = [
        *_party(document, books),
        *_head(mapper, document, books),
        *(each for line in document.lines for each in _line(document, line, books)),
        *(stock_short(document, books) if is_posted_now(mapper, document, books) else ()),
    ]
    return found or list(_total(mapper, document, books))


def _party(document: Document, books: Books) -> Iterator[Refusal]:
    contact = document.contact
    link = books.link(Contact.kind, contact.id)
    if contact.archived or (link and link.gone):
        external_id = link.external_id if link else None
        yield Refusal(
            f"{contact.name} is archived. Restore it (in Xero, if it is archived there), or choose another party.",
            "contact_archived",
            "contact_id",
            fact=Fact("Contacts", external_id) if external_id else None,
        )
    elif link is None:
        yield Refusal(
            f"{contact.name} is not sent to Xero: the settings hold customers back. Switch them on, or choose another "
            "party.",
            "contact_not_sent",
            "contact_id",
        )


def _head(mapper: DocumentMapper, document: Document, books: Books) -> Iterator[Refusal]:
    noun = document.label
    for column, most in LONGEST.items():
        if len(getattr(document, column, None) or "") > most:
            label = document.column_label(column)
            yield Refusal(f"{label} is longer than the {most} characters that Xero takes.", "too_long", column)
    if not document.name and books.external_id(document.kind, document.id) is None:
        yield Refusal(f"This {noun} has no number.", "number_missing", "name")
    if document.name and books.external_id(document.kind, document.id) is None:
        yield from _number(document, books)
    if not document.lines:
        yield Refusal(f"This {noun} has no lines. Xero takes none without.", "no_lines", "lines")
    if mapper.posts:
        yield from locked(document.date, books, "it")
    if mapper.needs_due_date and document.due_date is None and mapper.status(document, books) != "DRAFT":
        yield Refusal(f"This {noun} needs a due date before Xero takes it.", "due_date_missing", "due_date")
    yield from _currency(document, books)


def _number(document: Document, books: Books) -> Iterator[Refusal]:
    other = books.namesake(document)
    if other is None:
        return
    whose = f" of {document.contact.name}" if document.numbered_by_party(document.side) else ""
    words = f"Another {document.label}{whose} has the number {document.name} already. Give this one another number"
    more = ": that one was voided, and keeps its number in Xero." if other.ended else ", or void one of the two."
    yield Refusal(words + more, "number_taken", "name")


def _currency(document: Document, books: Books) -> Iterator[Refusal]:
    currency = document.currency
    if currency and currency != books.base_currency and currency not in (books.currencies or ()):
        yield Refusal(
            f"The organisation does not have the currency {currency}. Add it in Xero (Settings, Currencies), or choose "
            "another.",
            "currency_unknown",
            "currency",
            fact=Fact("Currencies"),
        )


def _line(document: Document, line: Line, books: Books) -> Iterator[Refusal]:
    at = f"lines.{line.position}"
    item = books.lines.item(line.item_code)
    if not line.description and not (item and item.name):
        yield Refusal(f"Line {line.position} has no description.", "description_missing", f"{at}.description")
    if len(line.description or "") > LONGEST_DESCRIPTION:
        words = f"The description of line {line.position} is longer than the 4,000 characters that Xero takes."
        yield Refusal(words, "too_long", f"{at}.description")
    if line.discount and not document.discounted:
        words = f"Xero takes a discount on sales invoices only. Lower the price of line {line.position} instead."
        yield Refusal(words, "discount_not_taken", f"{at}.discount")
    if line.mere_text:
        return
    yield from _account(document, line, books)
    if document.treatment is not Treatment.NONE:
        yield from _tax(document, line, books)
    for column in ("tracking_1_id", "tracking_2_id"):
        option = books.options.get(getattr(line, column) or 0)
        if option is not None and (option.archived or books.external_id(option.kind, option.id) is None):
            words = f"The tracking option {option.name} of line {line.position} is not in use in Xero. Choose another."
            yield Refusal(words, "tracking_archived", f"{at}.{column}", fact=Fact("TrackingCategories"))


def _account(document: Document, line: Line, books: Books) -> Iterator[Refusal]:
    at, code = f"lines.{line.position}.account_code", books.lines.account_code(document.side, line)
    account = books.lines.account(code)
    if code is None:
        yield Refusal(
            f"Nothing says which account line {line.position} posts to. Choose one, map its item to one, or set a "
            "default in the settings.",
            "account_missing",
            at,
        )
    elif account is None or books.external_id(Account.kind, account.id) is None:
        yield Refusal(
            f"Account {code} of line {line.position} is not in Xero. Choose another.",
            "account_unknown",
            at,
            fact=Fact("Accounts"),
        )
    elif account.archived:
        words = f"Account {account} of line {line.position} is archived in Xero. Choose another, or restore it there."
        yield Refusal(words, "account_archived", at, fact=Fact("Accounts"))
    elif not account.takes_lines:
        words = f"Xero takes no lines on account {account}, which line {line.position} posts to. Choose another."
        yield Refusal(words, "account_not_for_lines", at)
    elif (stock := books.lines.stock_account(document.side, line)) and code != stock:
        words = f"Xero keeps the stock of item {line.item_code}, and what is bought of it posts to account {stock}"
        yield Refusal(f"{words}. Choose that one on line {line.position}.", "account_of_stock", at, fact=Fact("Items"))


def _tax(document: Document, line: Line, books: Books) -> Iterator[Refusal]:
    at, code = f"lines.{line.position}.tax_code", books.lines.tax_type(document.side, line)
    rate, account = books.lines.tax_rate(code), books.lines.account(books.lines.account_code(document.side, line))
    if code is None:
        said = books.lines.tax_code(document.side, line)
        words = f"The tax {said} of line {line.position} is not mapped" if said else f"Line {line.position} has no tax"
        todo = "Map it to one of Xero's rates" if said else "Choose one, or set a default in the settings"
        yield Refusal(f"{words}. {todo}.", "tax_unmapped", at)
    elif rate is None or rate.archived:
        yield Refusal(
            f"The tax rate {code} of line {line.position} is not in use in Xero.",
            "tax_unknown",
            at,
            fact=Fact("TaxRates"),
        )
    elif not rate.fits(document.side):
        side = "sales" if document.side is Side.SALES else "purchases"
        words = f"Xero's tax rate {rate.name}, on line {line.position}, is not for {side}. Choose another."
        yield Refusal(words, "tax_wrong_side", at, fact=Fact("TaxRates"))
    elif account is not None and not rate.suits(account):
        words = f"Xero takes no tax rate {rate.name} on account {account}, which line {line.position} posts to"
        yield Refusal(
            f"{words}. Choose another tax, or another account.", "tax_wrong_account", at, fact=Fact("TaxRates")
        )


def _total(mapper: DocumentMapper, document: Document, books: Books) -> Iterator[Refusal]:
    """Our total by our rates against what Xero will come to by its own."""
    amounts = []
    for line in document.lines:
        rate = books.lines.tax_rate(mapper.tax_type(document, line, books))
        theirs_of_line = worked_out(document, line, rate.rate if rate else Decimal(0))
        amounts.append(Amount(line.amount, line.tax_amount) if line.as_it_came else theirs_of_line)
    theirs = totals(document.treatment, amounts).total
    if theirs < 0 and mapper.posts and mapper.status(document, books) in POSTED:
        other = "Turn its signs" if isinstance(document, CreditNote) else "Write a credit note instead"
        words = (
            f"It comes to {theirs}, and Xero approves no {document.label} below nothing. {other}, or mend its lines."
        )
        yield Refusal(words, "total_below_nothing", "lines")
    if theirs != half_up(document.total):
        pairs = enumerate(zip(amounts, document.lines, strict=True), start=1)
        at = next((number for number, (there, here) in pairs if there.tax != here.tax_amount), 1)
        yield Refusal(
            f"It comes to {document.total} here and would come to {theirs} in Xero, since the tax rates differ. Mend "
            f"the tax of line {at} or the mapping of its tax code, and retry.",
            "total_differs",
            f"lines.{at}.tax_code",
            fact=Fact("TaxRates"),
        )
