"""A company's books in a database of its own, with one of everything that a document may name."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from backoffice.database import Base
from backoffice.models import (
    Account,
    Bill,
    CompanySettings,
    Connection,
    Contact,
    CreditNote,
    Invoice,
    Item,
    Link,
    PurchaseOrder,
    Record,
    Side,
    Status,
    TaxRate,
    TrackingCategory,
    TrackingOption,
    listen,
    new_company,
)
from backoffice.sync.books import Books

DAY = dt.date(2026, 11, 2)


class Recording(Session):
    """A session with the hooks of ours."""


listen(Recording)


class Ledger:
    """One company in step with its organisation."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.company_id = new_company(session, "Harbour Supplies").id
        self.connection = Connection(
            company_id=self.company_id,
            provider="xero",
            external_id="tenant",
            organisation="Demo",
            base_currency="NZD",
            currencies=["NZD", "USD"],
        )
        session.add(self.connection)
        session.flush()
        self.contact = self.add(Contact, name="Papers Ltd")
        for code, name in (("300", "Purchases"), ("200", "Sales")):
            self.add(Account, code=code, name=name, account_type="EXPENSE")
        self.bank = self.add(Account, code="090", name="Bank", account_type="BANK")
        for code in ("INPUT2", "OUTPUT2"):
            sales = code == "OUTPUT2"
            self.add(TaxRate, code=code, name=code, rate=Decimal(15), for_sales=sales, for_purchases=not sales)
        self.item = self.add(Item, code="ROPE", name="Rope")
        self.options = [self._option("Region"), self._option("Team")]
        lines: dict[str, Any] = {"description": "Rope", "quantity": Decimal(2), "unit_price": Decimal("12.50")}
        self.documents = {
            model.kind: self.add(
                model,
                contact=self.contact,
                date=DAY,
                status=Status.APPROVED,
                their_status="AUTHORISED",
                lines=[model.line(**lines, account_code="300", tax_code="INPUT2")],
            )
            for model in (PurchaseOrder, Bill, Invoice, CreditNote)
        }
        self.documents["credit_note"].side = Side.PURCHASES
        session.commit()

    def _option(self, category: str) -> TrackingOption:
        parent = self.add(TrackingCategory, name=category)
        return self.add(TrackingOption, name="North", category_id=parent.id)

    def add(self, model: type[Any], **columns: Any) -> Any:
        """A record that is there already."""
        record = model(company_id=self.company_id, **columns)
        self.session.add(record)
        self.session.flush()
        link = Link(connection_id=self.connection.id, resource="Any", kind=model.kind, record_id=record.id)
        link.external_id = str(UUID(int=len(model.kind) * 1000 + record.id, version=4))
        self.session.add(link)
        self.session.flush()
        return record

    def external_id(self, record: Record) -> str:
        found = self.books().external_id(record.kind, record.id)
        assert found is not None
        return found

    def books(self) -> Books:
        settings = self.session.query(CompanySettings).filter_by(company_id=self.company_id).one()
        return Books(self.session, self.connection, settings, "https://here.example")


@pytest.fixture(scope="session")
def ledger() -> Iterator[Ledger]:
    """Read only: what is written down of records beside it stays out of its session."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    Base.metadata.create_all(engine)
    with Recording(engine, expire_on_commit=False) as session:
        yield Ledger(session)
    engine.dispose()


@pytest.fixture
def books(ledger: Ledger) -> Books:
    return ledger.books()
