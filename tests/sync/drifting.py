"""A company and its organisation in step, and twelve ways in which they drift apart."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from backoffice.models import (
    Account,
    Contact,
    Drift,
    Item,
    JobState,
    Reconciliation,
    Record,
    SyncJob,
    TaxRate,
    TrackingOption,
    Work,
)
from backoffice.sync.mapper import Mapper
from backoffice.sync.reconciliation import reconcile, settling
from backoffice.sync.reconciliation.settling import Way
from tests.sync.conftest import Book
from tests.sync.documents.conftest import Papers


def run(book: Book) -> Reconciliation:
    """Reconcile, and see that it came to its end."""
    kinds = [mapper.kind for mapper in book.provider.mappers]
    job, _ = reconcile.request_reconciliation(book.session, book.connection, kinds)
    job = book.run(job)
    assert (job.state, job.reason) == (JobState.COMPLETED, None)
    found = reconcile.last(book.session, book.connection)
    assert found is not None
    return found


def drifts(book: Book) -> dict[tuple[str, str], Drift]:
    """What waits for somebody, by kind and cause."""
    rows = book.session.scalars(select(Drift).where(Drift.waits()).order_by(Drift.id)).all()
    return {(row.kind, row.cause.value): row for row in rows}


def mapper_of(book: Book, kind: str) -> Mapper:
    return next(each for each in book.provider.mappers if each.kind == kind)


def settle(book: Book, row: Drift, way: Way | None = None) -> None:
    """Press a button: the first one there is, unless another is named."""
    mapper = mapper_of(book, row.kind)
    way = way or settling.ways(mapper, row)[0]
    settling.settle(book.session, book.connection, mapper, row, way, None)
    if way is Way.TAKE:
        settling.request(book.session, book.connection, [row], None)
    book.session.commit()


def asked(book: Book) -> list[SyncJob]:
    """The jobs that are to carry out what was chosen."""
    query = select(SyncJob).where(SyncJob.work == Work.SETTLE, SyncJob.state == JobState.PENDING)
    return list(book.session.scalars(query.order_by(SyncJob.id)))


def carry_out(book: Book) -> None:
    for job in asked(book):
        done = book.run(job)
        assert (done.state, done.reason) == (JobState.COMPLETED, None)


def silently(twelve: Twelve, contact: Contact, email: str) -> None:
    """Change a contact there so that no Update hears of it."""
    twelve.office("contacts").edit_silently(twelve.key(contact), {"EmailAddress": email})


class Twelve:
    """A company in step with an organisation that holds all that can drift, and each way to let it."""

    def __init__(self, papers: Papers) -> None:
        self.papers, self.book, self.session = papers, papers.book, papers.session
        self.office = papers.office
        self.supplier, self.old = papers.party("Papers Ltd"), papers.party("Old Ltd")
        self.voided, self.paid = papers.bill(name="VOID-1"), papers.bill(name="PAID-1")
        self.of_old = papers.bill(contact=self.old, name="OLD-1")
        self.changed = papers.bill(name="CHANGED-1", reference="as it was")
        papers.push()
        self.payment = papers.pay(self.paid, "5.00")
        papers.push()
        self.contacts = [c for c in self.book.contacts() if not c.archived and c not in (self.supplier, self.old)]
        self.book.update()

    def key(self, record: Record) -> str:
        return self.book.link_of(record).external_id or ""

    def one(self, model: type[Record], **columns: Any) -> Any:
        return self.session.scalars(select(model).filter_by(archived=False, **columns).limit(1)).one()

    def seed(self) -> dict[tuple[str, str], str]:
        """Let all of it drift; what is to be found, and of which record."""
        item, option = self.one(Item), self.one(TrackingOption)
        account, rate = self.one(Account, code="429"), self.one(TaxRate, code="OUTPUT2")
        archived, edited, flagged, behind = self.contacts[:4]
        flag = {"IsSupplier": not flagged.is_supplier}
        self.office("items").delete(self.key(item))
        self.office("accounts").archive(self.key(account))
        self.office("contacts").archive(self.key(archived))
        self.office("contacts").merge(self.key(self.old), self.key(self.supplier))
        self.office("contacts").edit_silently(self.key(edited), {"EmailAddress": "silent@there.example"})
        self.office("contacts").edit(self.key(flagged), flag)
        self.office("invoices").act(self.key(self.voided), "void")
        self.office("payments").delete(self.key(self.payment))
        self.office("taxrates").edit(self.key(rate), {"Name": "Renamed there"})
        category = self.book.theirs.shelf("TrackingCategories").bodies()
        parent = next(c for c in category if self.key(option) in {o["TrackingOptionID"] for o in c["Options"]})
        self.office("trackingcategories").option(parent["TrackingCategoryID"], self.key(option), None)
        self.office("invoices").add(self.bill_there())
        self.behind(behind, email="behind@here.example")
        return {
            ("item", "deleted_there"): str(item), ("account", "archived_there"): str(account),
            ("contact", "archived_there"): str(archived), ("contact", "merged_there"): str(self.old),
            ("contact", "edited_silently"): str(edited), ("contact", "marks_moved"): str(flagged),
            ("bill", "voided_there"): str(self.voided), ("payment", "deleted_there"): str(self.payment),
            ("tax_rate", "renamed_there"): str(rate), ("tracking_option", "deleted_there"): str(option),
            ("bill", "made_there"): "THERE-1", ("contact", "changed_here"): str(behind),
        }  # fmt: skip

    def bill_there(self) -> dict[str, Any]:
        line = {"Description": "Made there", "Quantity": 1, "UnitAmount": 5, "AccountCode": "300"}
        return {
            "Type": "ACCPAY", "Contact": {"ContactID": self.key(self.supplier)}, "InvoiceNumber": "THERE-1",
            "DueDate": "2026-12-20", "LineItems": [line], "Status": "AUTHORISED",
        }  # fmt: skip

    def behind(self, record: Record, **columns: Any) -> None:
        """Change a record past the engine."""
        self.session.connection().execute(
            update(record.table()).where(record.table().c.id == record.id).values(columns)
        )
        self.session.commit()
