"""The people on both sides, as one seed moves them: they write papers here, and work at Xero's own screens there.

What was committed is put down in a journal, by a name that nothing else has, for the judge to look for.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from backoffice.extensions import db
from backoffice.models import (
    Account,
    Allocation,
    Attachment,
    AttachmentContent,
    Bill,
    Connection,
    Contact,
    CreditNote,
    Document,
    Invoice,
    Payment,
    PurchaseOrder,
    Side,
    Status,
    Urgency,
)
from backoffice.queue import doorbell
from backoffice.sandbox.xero.office import Office
from backoffice.sync import jobs
from tests.faults.house import House

DAY, DUE = dt.date(2026, 11, 2), dt.date(2026, 12, 2)
PDF = b"%PDF-1.7 a scanned bill"


@dataclass
class Entry:
    """One thing that was made or changed for good: its kind, the name it is known by, and what it must hold."""

    kind: str
    marker: str
    values: dict[str, str] = field(default_factory=dict)


class Desk:
    """The people of one company, here and at Xero."""

    def __init__(self, house: House, chance: Random, number: int = 0) -> None:
        self.house, self.chance, self.number = house, chance, number
        self.connection_id = house.connections[number]
        row = house.sql("SELECT company_id, external_id FROM connection WHERE id = :id", id=self.connection_id)[0]
        self.company_id, self.organisation = row
        self.journal: dict[tuple[str, str], Entry] = {}
        self._count = 0

    # --- here ------------------------------------------------------------------------------------

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A person's form: what the block did is committed, and rung for."""
        with self.house.desk():
            session = db.session()
            yield session
            session.commit()

    def act(self) -> None:
        """Whatever comes to a person's mind."""
        deed: Callable[[], object] = self.chance.choice(HERE)
        deed(self)  # type: ignore[call-arg]

    def contact(self) -> Entry:
        name = self.name("Party")
        with self.session() as session:
            session.add(self._contact(name, f"{name.lower().replace(' ', '.')}@here.example"))
        return self.note("contact", name, email=f"{name.lower().replace(' ', '.')}@here.example")

    def edit(self) -> None:
        """Change a contact that was made here."""
        mine = self._contacts("Party")
        if not mine:
            self.contact()
            return
        entry, email = self.chance.choice(mine), f"edit-{self._next()}@here.example"
        with self.session() as session:
            query = select(Contact).filter_by(company_id=self.company_id, name=entry.marker)
            session.scalars(query).one().email = email
        entry.values["email"] = email

    def order(self) -> None:
        self._document(PurchaseOrder, "PO")

    def bill(self) -> None:
        """A bill, its scan and a payment of half of it."""
        number, name, file = self.name("B"), self.name("P"), f"{self.name('scan')}.pdf"
        with self.session() as session:
            bill = self._written(session, Bill, number)
            session.flush()
            about = {"company_id": self.company_id, "bill_id": bill.id}
            content = AttachmentContent(data=PDF)
            session.add(Attachment(**about, name=file, mime_type="application/pdf", size=len(PDF), content=content))
            session.add(Payment(**about, name=name, account_id=self._bank(session), date=DAY, amount=Decimal(10)))
        self.note("bill", number, total="20.00")
        self.note("attachment", file, size=str(len(PDF)))
        self.note("payment", name, amount="10.00")

    def invoice(self) -> None:
        self._document(Invoice, "I")

    def credit(self) -> None:
        """A credit note, and its use on an invoice."""
        number, credit = self.name("I"), self.name("C")
        with self.session() as session:
            invoice = self._written(session, Invoice, number)
            note = self._written(session, CreditNote, credit, contact=invoice.contact, side=Side.SALES)
            session.flush()
            ids = {"company_id": self.company_id, "credit_note_id": note.id, "invoice_id": invoice.id}
            session.add(Allocation(**ids, date=DAY, amount=Decimal(5)))
        self.note("invoice", number, total="20.00")
        self.note("credit_note", credit, total="20.00")
        self.note("allocation", f"{credit} > {number}", amount="5.00")

    def update(self, thorough: bool = False) -> int:
        """Press Update; the number of the job that does it."""
        with self.house.desk():
            session, connection = db.session(), db.session.get_one(Connection, self.connection_id)
            kinds = [mapper.kind for mapper in self.house.app.extensions["providers"]["xero"].mappers]
            job, _ = jobs.request_update(
                session, connection, kinds, user_id=None, urgency=Urgency.PERSON, thorough=thorough
            )
            job_id = job.id
            doorbell.ring("run", job_id, urgent=True)
        return job_id

    def _document(self, model: type[Document], prefix: str) -> None:
        number = self.name(prefix)
        with self.session() as session:
            self._written(session, model, number)
        self.note(model.kind, number, total="20.00")

    def _written(self, session: Session, model: type[Document], number: str, **more: Any) -> Any:
        purchase = model in (PurchaseOrder, Bill)
        codes = {"account_code": "300" if purchase else "200", "tax_code": "NONE"}
        line = model.line(description="Rope", quantity=Decimal(2), unit_price=Decimal(10), **codes)
        given: dict[str, Any] = {"company_id": self.company_id, "date": DAY, "name": number, "lines": [line]}
        if model in (Bill, Invoice):
            given["due_date"] = DUE
        given["contact"] = more.pop("contact", None) or self._party(session)
        document = model(**given, **more)
        document.status = Status.APPROVED
        session.add(document)
        return document

    def _party(self, session: Session) -> Contact:
        """Who a paper is about: somebody new, or known."""
        known = session.scalars(select(Contact).filter_by(company_id=self.company_id, archived=False)).all()
        if known and self.chance.random() < 0.7:
            return self.chance.choice(sorted(known, key=lambda contact: contact.id))
        name = self.name("Party")
        contact = self._contact(name, f"{name.lower().replace(' ', '.')}@here.example")
        session.add(contact)
        self.note("contact", name)
        return contact

    def _contact(self, name: str, email: str) -> Contact:
        return Contact(company_id=self.company_id, supplier_here=True, name=name, email=email)

    def _bank(self, session: Session) -> int:
        banks = select(Account.id).filter_by(company_id=self.company_id, account_type="BANK", archived=False)
        return session.scalars(banks.order_by(Account.id).limit(1)).one()

    # --- there -----------------------------------------------------------------------------------

    def act_there(self) -> None:
        """Whatever comes to the mind of somebody who works in Xero."""
        deed: Callable[[], object] = self.chance.choice(THERE)
        deed(self)  # type: ignore[call-arg]

    def office(self, kind: str) -> Office:
        return self.house.sandbox.office(kind, self.organisation)

    def contact_there(self) -> None:
        name = self.name("Theirs")
        email = f"{name.lower().replace(' ', '.')}@there.example"
        self.office("contacts").add({"Name": name, "EmailAddress": email})
        self.note("contact", name, email=email)

    def edit_there(self) -> None:
        mine = self._contacts("Theirs")
        if not mine:
            self.contact_there()
            return
        entry, email = self.chance.choice(mine), f"edit-{self._next()}@there.example"
        rows = self.office("contacts").shelf.bodies()
        key = next(row["ContactID"] for row in rows if row["Name"] == entry.marker)
        self.office("contacts").edit(key, {"EmailAddress": email})
        entry.values["email"] = email

    def item_there(self) -> None:
        code = self.name("ITEM").replace(" ", "-")
        self.office("items").add({"Code": code, "Name": f"Named {code}"})
        self.note("item", code, name=f"Named {code}")

    def pay_there(self) -> None:
        """Pay some of an invoice that was sent."""
        ours = {entry.marker for entry in self.journal.values() if entry.kind == "invoice"}
        rows = self.office("invoices").shelf.bodies()
        owed = sorted(
            row["InvoiceID"] for row in rows if row.get("InvoiceNumber") in ours and row.get("AmountDue", 0) > 2
        )
        if owed:
            name = self.name("Paid")
            self.office("invoices").pay(self.chance.choice(owed), {"Amount": 1, "Reference": name})
            self.note("payment", name, amount="1.00")

    # --- the journal -----------------------------------------------------------------------------

    def _contacts(self, prefix: str) -> list[Entry]:
        return [each for each in self.journal.values() if each.kind == "contact" and each.marker.startswith(prefix)]

    def _next(self) -> int:
        self._count += 1
        return self._count

    def name(self, prefix: str) -> str:
        return f"{prefix} {self.number}-{self._next():04d}"

    def note(self, kind: str, marker: str, **values: str) -> Entry:
        self.journal[kind, marker] = entry = Entry(kind, marker, values)
        return entry


HERE: tuple[Callable[..., object], ...] = (Desk.contact, Desk.edit, Desk.order, Desk.bill, Desk.invoice, Desk.credit)
THERE: tuple[Callable[..., object], ...] = (Desk.contact_there, Desk.edit_there, Desk.item_there, Desk.pay_there)
