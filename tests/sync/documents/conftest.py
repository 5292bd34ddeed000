"""Documents of a linked company, and what a person in Xero does with theirs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from backoffice.models import (
    Account,
    Bill,
    CompanySettings,
    Contact,
    CreditNote,
    Document,
    Invoice,
    Payment,
    PurchaseOrder,
    Record,
    Status,
    SyncJob,
    Work,
)
from backoffice.sandbox.xero.office import Office
from backoffice.sandbox.xero.organisations import find
from backoffice.sync import jobs
from tests.databases import EITHER, Databases, lent
from tests.sync.conftest import Book

DAY = dt.date(2026, 11, 2)
DUE = dt.date(2026, 12, 2)


@pytest.fixture(params=EITHER)
def database_url(request: pytest.FixtureRequest, databases: dict[str, Databases]) -> Iterator[str]:
    """An empty, migrated database; what sets the two sorts apart is shown by the tests of the engine itself."""
    yield from lent(databases[request.param])


class Papers:
    """Writes documents here, and acts on documents there."""

    def __init__(self, book: Book) -> None:
        self.book, self.session = book, book.session

    # Here.

    def settings(self, **values: Any) -> None:
        """Choose otherwise in the company's settings."""
        settings = self.session.scalars(select(CompanySettings).filter_by(company_id=self.book.company_id)).one()
        for name, value in values.items():
            setattr(settings, name, value)
        self.session.commit()

    def party(self, name: str = "Papers Ltd") -> Contact:
        known = self.session.scalar(select(Contact).filter_by(company_id=self.book.company_id, name=name))
        return known or self.book.add(name=name)

    def line(self, model: type[Document], **columns: Any) -> Any:
        account = "200" if model is Invoice else "300"
        tax = "OUTPUT2" if model is Invoice else "INPUT2"
        given = {"description": "Rope", "quantity": Decimal(2), "unit_price": Decimal("12.50")}
        return model.line(**{**given, "account_code": account, "tax_code": tax, **columns})

    def write(self, model: type[Document], *lines: Any, approved: bool = True, **columns: Any) -> Any:
        given: dict[str, Any] = {"company_id": self.book.company_id, "date": DAY}
        given["contact"] = columns.pop("contact", None) or self.party()
        if model in (Bill, Invoice):
            given["due_date"] = DUE
        document = model(**{**given, **columns}, lines=list(lines) or [self.line(model)])
        document.status = Status.APPROVED if approved else Status.DRAFT
        self.session.add(document)
        self.session.commit()
        return document

    def bill(self, *lines: Any, **columns: Any) -> Bill:
        found: Bill = self.write(Bill, *lines, **columns)
        return found

    def order(self, *lines: Any, **columns: Any) -> PurchaseOrder:
        found: PurchaseOrder = self.write(PurchaseOrder, *lines, **columns)
        return found

    def invoice(self, *lines: Any, **columns: Any) -> Invoice:
        found: Invoice = self.write(Invoice, *lines, **columns)
        return found

    def credit_note(self, *lines: Any, **columns: Any) -> CreditNote:
        found: CreditNote = self.write(CreditNote, *lines, **columns)
        return found

    def bank(self) -> Account:
        query = select(Account).filter_by(company_id=self.book.company_id, account_type="BANK", archived=False)
        return self.session.scalars(query.limit(1)).one()

    def pay(self, document: Document, amount: str, **columns: Any) -> Payment:
        target = {f"{document.kind}_id": document.id}
        given = {"company_id": self.book.company_id, "date": DAY, "account_id": self.bank().id}
        payment = Payment(**{**given, **target, "amount": Decimal(amount), **columns})
        self.session.add(payment)
        self.session.commit()
        return payment

    def push(self) -> SyncJob:
        """What a save rings for."""
        kinds = [mapper.kind for mapper in self.book.provider.mappers if mapper.direction.sends]
        job, _ = jobs.request(self.session, self.book.connection, Work.PUSH, kinds, title="On save")
        return self.book.run(job)

    def state(self, record: Record) -> str:
        link = self.book.link_of(record)
        self.session.refresh(link)
        return str(link.state)

    # There.

    def office(self, kind: str) -> Office:
        world = self.book.sandbox.world
        organisation = find(world.store, self.book.connection.external_id)
        assert organisation is not None
        return Office(world, organisation, kind)

    def there(self, record: Record) -> dict[str, Any]:
        shelf = {"payment": "Payments", "purchase_order": "PurchaseOrders", "credit_note": "CreditNotes"}
        external_id = self.book.link_of(record).external_id
        row = self.book.theirs.shelf(shelf.get(record.kind, "Invoices")).get(external_id or "")
        assert row is not None
        return row.body


@pytest.fixture
def papers(book: Book) -> Papers:
    return Papers(book)
