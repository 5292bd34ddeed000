"""Documents for tests of the screens, and the forms of pages as a browser would send them back."""

from __future__ import annotations

import datetime as dt
import html
import re
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from backoffice.models import (
    Account,
    Allocation,
    Attachment,
    AttachmentContent,
    Bill,
    Company,
    Contact,
    CreditNote,
    Invoice,
    Item,
    Overpayment,
    Payment,
    Prepayment,
    PurchaseOrder,
    Record,
    Side,
    Status,
    TaxRate,
    TrackingCategory,
    TrackingOption,
)

DAY = dt.date(2026, 11, 2)
PAPERS: tuple[type[Record], ...] = (PurchaseOrder, Bill, Invoice, CreditNote)
SCREENS = {PurchaseOrder: "purchase-orders", Bill: "bills", Invoice: "invoices", CreditNote: "credit-notes"}
#: The kinds of which `a_piece` makes one.
PARTS: tuple[type[Record], ...] = (Allocation, Prepayment, Overpayment, Payment, Attachment)
PIECES = frozenset(model.kind for model in (*PAPERS, *PARTS))
FIELD = re.compile(
    r"<input\b[^>]*>|<textarea\b[^>]*>.*?</textarea>|<select\b[^>]*>.*?</select>", re.DOTALL | re.IGNORECASE
)
ATTRIBUTE = re.compile(r'([a-z-]+)="([^"]*)"')


def form_values(text: str) -> dict[str, str]:
    """What a browser would send back of the form with the class `record-form`, as it stands."""
    start = text.index('class="record-form')
    found: dict[str, str] = {}
    for field in FIELD.findall(text[start : text.index("</form>", start)]):
        head = field[: field.index(">") + 1]
        named = dict(ATTRIBUTE.findall(head))
        if "name" not in named or (named.get("type") == "checkbox" and "checked" not in head):
            continue
        found[named["name"]] = html.unescape(_value(field, head, named))
    found.pop("csrf_token", None)
    return found


def _value(field: str, head: str, named: dict[str, str]) -> str:
    if field.startswith("<textarea"):
        return field[len(head) : -len("</textarea>")].removeprefix("\r\n").removeprefix("\n")
    if field.startswith("<select"):
        options = re.findall(r"<option\b([^>]*)>", field)
        chosen = [one for one in options if re.search(r"\bselected\b", one)] or options[:1]
        value = re.search(r'value="([^"]*)"', chosen[0]) if chosen else None
        return value.group(1) if value else ""
    return named.get("value", "y" if named.get("type") == "checkbox" else "")


def line(position: int, **fields: Any) -> dict[str, str]:
    """The fields of one line of a form."""
    return {f"lines.{position}.{name}": str(value) for name, value in fields.items()}


def typed(contact: str, *lines: dict[str, str], **head: Any) -> dict[str, str]:
    """A whole form of a document."""
    values = {"contact": contact, "date": DAY.isoformat(), "treatment": "exclusive", "lines.end": "1"}
    values.update({name: str(value) for name, value in head.items()})
    for one in lines:
        values.update(one)
    return values


def a_party(session: Session, company: Company, name: str = "Acme Ltd") -> Contact:
    found = session.query(Contact).filter_by(company_id=company.id, name=name).first()
    if found is None:
        found = Contact(company_id=company.id, name=name, supplier_here=True, customer_here=True)
        session.add(found)
        session.flush()
    return found


def a_paper(session: Session, model: Any, company: Company, **values: Any) -> Any:
    """A document with one line of two at 50.00, or with the lines that are given as dictionaries."""
    lines = values.pop("lines", [{"description": "Paper", "quantity": Decimal(2), "unit_price": Decimal(50)}])
    party = values.pop("contact", None) or a_party(session, company)
    paper = model(**{"company_id": company.id, "contact_id": party.id, "date": DAY, "name": "Acme Ltd", **values})
    paper.lines = [model.line(position=at, **one) for at, one in enumerate(lines, start=1)]
    session.add(paper)
    session.commit()
    return paper


def approved(session: Session, model: Any, company: Company, **values: Any) -> Any:
    return a_paper(session, model, company, status=Status.APPROVED, **values)


def a_bank(session: Session, company: Company, **values: Any) -> Account:
    bank = Account(company_id=company.id, **{"name": "Cheque", "code": "090", "account_type": "BANK", **values})
    session.add(bank)
    session.commit()
    return bank


def a_piece(session: Session, model: Any, company: Company, name: str = "Acme Ltd") -> Any:
    """The least there can be of a document, of what belongs to one, or of what stands beside them."""
    least = {"company_id": company.id, "name": name}
    if model in PAPERS:
        return a_paper(session, model, company, name=name)
    if model in (Prepayment, Overpayment):
        record: Any = model(**least, contact_id=a_party(session, company).id, side=Side.SALES, date=DAY)
    elif model is Attachment:
        record = Attachment(**least, mime_type="text/plain", size=5, bill_id=approved(session, Bill, company).id)
        record.content = AttachmentContent(data=b"hello")
    elif model is Payment:
        bank = a_bank(session, company)
        bill = approved(session, Bill, company)
        record = Payment(**least, bill_id=bill.id, account_id=bank.id, date=DAY, amount=Decimal(10))
    else:
        bill = approved(session, Bill, company)
        note = approved(session, CreditNote, company, side=Side.PURCHASES)
        record = Allocation(**least, credit_note_id=note.id, bill_id=bill.id, date=DAY, amount=Decimal(10))
    session.add(record)
    session.commit()
    return record


def what_lines_name(session: Session, company: Company) -> dict[str, Any]:
    """An item, accounts, tax rates and tracking for lines to name."""
    tax = {"company_id": company.id, "rate": Decimal(15)}
    region, cost = (TrackingCategory(company_id=company.id, name=name) for name in ("Region", "Cost centre"))
    session.add_all([region, cost])
    session.flush()
    found: dict[str, Any] = {
        "item": Item(
            company_id=company.id, code="W-1", name="Widget", description="A widget for you", sales_account="200",
            purchase_description="A widget for us", purchase_price=Decimal("12.34"), sales_price=Decimal("20.5"),
            purchase_account="300", purchase_tax="INPUT2", sales_tax="OUTPUT2",
        ),
        "purchases": Account(company_id=company.id, code="300", name="Purchases", account_type="EXPENSE"),
        "sales": Account(company_id=company.id, code="200", name="Sales", account_type="REVENUE"),
        "input": TaxRate(code="INPUT2", name="GST on expenses", for_purchases=True, **tax),
        "output": TaxRate(code="OUTPUT2", name="GST on income", for_sales=True, **tax),
        "north": TrackingOption(company_id=company.id, name="North", category_id=region.id),
        "south": TrackingOption(company_id=company.id, name="South", category_id=region.id),
        "office": TrackingOption(company_id=company.id, name="Office", category_id=cost.id),
    }  # fmt: skip
    session.add_all(found.values())
    session.commit()
    return found
