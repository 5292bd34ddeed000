"""The hooks on records: what counts as an edit, what is remembered, what is refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.orm import scoped_session
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.exc import StaleDataError

from backoffice.errors import ReadOnlyRecordError
from backoffice.extensions import db
from backoffice.models import (
    RECORDS,
    Allocation,
    Attachment,
    Author,
    Bill,
    Company,
    Connection,
    Contact,
    CreditNote,
    Document,
    History,
    Item,
    Link,
    LinkState,
    Overpayment,
    Payment,
    Prepayment,
    Record,
    TaxRate,
    TrackingCategory,
    TrackingOption,
    User,
    new_company,
    writing_as,
)

Db = scoped_session[Any]
DAY = dt.date(2026, 11, 2)


@pytest.fixture
def session(app: Flask) -> Iterator[Db]:
    with app.app_context():
        yield db.session


@pytest.fixture
def company(session: Db) -> Company:
    company = new_company(session(), "Harbour Supplies")
    session.commit()
    return company


@pytest.fixture
def connection(session: Db, company: Company) -> Connection:
    connection = Connection(company_id=company.id, provider="xero", external_id="t-1", organisation="Demo")
    session.add(connection)
    session.commit()
    return connection


def a_record(session: Db, model: type[Record], company: Company) -> Record:
    """One record of any kind, with what it cannot be without."""
    record = model(company_id=company.id, name="Something", **needed(session, model, company))
    session.add(record)
    session.commit()
    return record


def needed(session: Db, model: type[Record], company: Company) -> dict[str, Any]:
    """What a record of a kind cannot be without, besides its name; what it names is made with it."""
    if issubclass(model, Document | Prepayment | Overpayment):
        return {"date": DAY, "contact_id": other(session, Contact, company)}
    found: dict[type[Record], Callable[[], dict[str, Any]]] = {
        Item: lambda: {"code": "S1"},
        TaxRate: lambda: {"code": "S1"},
        TrackingOption: lambda: {"category_id": other(session, TrackingCategory, company)},
        Payment: lambda: {"date": DAY, "amount": Decimal(1), "bill_id": other(session, Bill, company)},
        Allocation: lambda: {
            "date": DAY,
            "amount": Decimal(1),
            "bill_id": other(session, Bill, company),
            "credit_note_id": other(session, CreditNote, company),
        },
        Attachment: lambda: {"mime_type": "text/plain", "bill_id": other(session, Bill, company)},
    }
    return found[model]() if model in found else {}


def other(session: Db, model: type[Record], company: Company) -> int:
    """The id of one more record."""
    found = model(company_id=company.id, name=f"A {model.label}", **needed(session, model, company))
    session.add(found)
    session.flush()
    return found.id


@pytest.mark.parametrize("model", RECORDS, ids=lambda model: model.kind)
def test_an_edit_moves_the_revision_by_one_and_is_remembered(
    session: Db, company: Company, model: type[Record]
) -> None:
    record = a_record(session, model, company)
    record.name = "Something else"
    session.commit()
    assert record.revision == (2 if "name" in model.synced_columns() else 1)
    entry = session.scalars(
        select(History).where(History.kind == model.kind, History.record_id == record.id, History.field == "name")
    ).one()
    assert (entry.action, entry.old, entry.new) == ("changed", "Something", "Something else")


@pytest.mark.parametrize("model", RECORDS, ids=lambda model: model.kind)
def test_saving_without_a_change_moves_nothing(session: Db, company: Company, model: type[Record]) -> None:
    record = a_record(session, model, company)
    record.name = "Something"
    session.commit()
    assert record.revision == 1


def test_history_says_who(session: Db, company: Company) -> None:
    user = User(email="ana@example.com", name="Ana")
    session.add(user)
    session.commit()
    with writing_as(Author(user_id=user.id)):
        contact = a_record(session, Contact, company)
    entry = session.scalars(select(History).where(History.record_id == contact.id, History.kind == "contact")).one()
    assert (entry.action, entry.company_id, entry.user_id) == ("created", company.id, user.id)


def test_a_new_contact_waits_in_the_linked_organisation(session: Db, company: Company, connection: Connection) -> None:
    contact = a_record(session, Contact, company)
    link = session.scalars(select(Link).where(Link.record_id == contact.id)).one()
    assert (link.connection_id, link.state, link.wanted_revision) == (connection.id, LinkState.WAITING, 1)


def test_ten_edits_are_one_pending_revision(session: Db, company: Company, connection: Connection) -> None:
    contact = a_record(session, Contact, company)
    for number in range(10):
        assert isinstance(contact, Contact)
        contact.phone = str(number)
        session.commit()
    link = session.scalars(select(Link).where(Link.record_id == contact.id)).one()
    assert (link.wanted_revision, link.synced_revision) == (contact.revision, 0)


def test_what_no_provider_knows_sends_nothing(session: Db, company: Company, connection: Connection) -> None:
    contact = a_record(session, Contact, company)
    assert isinstance(contact, Contact)
    contact.supplier_here = True
    session.commit()
    assert contact.revision == 1


def test_an_edit_clears_a_refusal(session: Db, company: Company, connection: Connection) -> None:
    contact = a_record(session, Contact, company)
    link = session.scalars(select(Link)).one()
    link.refusal, link.refusal_cause = "The name is taken.", "name_taken"
    session.commit()
    contact.name = "Another name"
    session.commit()
    session.refresh(link)
    assert link.state is LinkState.WAITING


def integrated_item(session: Db, company: Company, connection: Connection) -> Item:
    item = a_record(session, Item, company)
    assert isinstance(item, Item)
    session.add(Link(connection_id=connection.id, resource="Items", kind="item", record_id=item.id, external_id="x-1"))
    session.commit()
    return item


def test_what_comes_in_one_way_is_free_until_it_is_integrated(
    session: Db, company: Company, connection: Connection
) -> None:
    item = a_record(session, Item, company)
    item.name = "Mine to change"
    session.commit()
    assert item.revision == 2


def test_what_comes_in_one_way_cannot_be_edited_once_integrated(
    session: Db, company: Company, connection: Connection
) -> None:
    item = integrated_item(session, company, connection)
    item.sales_price = Decimal("1.5")
    with pytest.raises(ReadOnlyRecordError) as refused:
        session.commit()
    session.rollback()
    assert refused.value.columns == ("sales_price",)
    assert item.sales_price is None


def test_an_integrated_record_cannot_be_deleted(session: Db, company: Company, connection: Connection) -> None:
    session.delete(integrated_item(session, company, connection))
    with pytest.raises(ReadOnlyRecordError):
        session.commit()
    session.rollback()


def test_bulk_statements_on_records_are_refused(session: Db, company: Company) -> None:
    a_record(session, Item, company)
    for statement in (update(Item).values(name="x"), insert(Item), update(Item.table()).values(name="x")):
        with pytest.raises(TypeError):
            session.execute(statement)
    with pytest.raises(TypeError):
        session().bulk_update_mappings(Item, [])


def test_a_stale_form_is_noticed(session: Db, company: Company) -> None:
    contact = a_record(session, Contact, company)
    contact.name = "Changed by somebody else"
    session.commit()
    set_committed_value(contact, "revision", 1)
    contact.name = "Changed by me"
    with pytest.raises(StaleDataError):
        session.commit()
    session.rollback()
    assert contact.name == "Changed by somebody else"


@pytest.mark.parametrize("price", ["12345678901234.5678", "0.0001", "-99999999999999.9999"])
def test_money_is_exact(session: Db, company: Company, price: str) -> None:
    item = a_record(session, Item, company)
    assert isinstance(item, Item)
    item.sales_price = Decimal(price)
    session.commit()
    session.expire_all()
    assert item.sales_price == Decimal(price)


def test_money_is_never_rounded_silently(session: Db, company: Company) -> None:
    item = a_record(session, Item, company)
    assert isinstance(item, Item)
    item.sales_price = Decimal("0.00001")
    with pytest.raises(StatementError):
        session.commit()
    session.rollback()


def test_two_organisations_of_one_company_are_never_active_together(
    session: Db, company: Company, connection: Connection
) -> None:
    session.add(Connection(company_id=company.id, provider="xero", external_id="t-2", organisation="Other"))
    with pytest.raises(IntegrityError):
        session.commit()
    session.rollback()


def test_giving_a_row_another_parent_is_an_edit(session: Db, company: Company) -> None:
    option = a_record(session, TrackingOption, company)
    other = TrackingCategory(company_id=company.id, name="Team")
    session.add(other)
    session.commit()
    assert isinstance(option, TrackingOption)
    before, option.category = option.category_id, other
    session.commit()
    assert (option.revision, option.category_id) == (2, other.id)
    entry = session.scalars(select(History).where(History.field == "category_id")).one()
    assert (entry.old, entry.new) == (str(before), str(other.id))


def test_an_error_of_the_database_carries_no_values(session: Db, company: Company) -> None:
    session.add(Company(name="Harbour Supplies", time_zone="a secret of ours"))
    with pytest.raises(IntegrityError) as refused:
        session.commit()
    session.rollback()
    assert "a secret of ours" not in str(refused.value)


# --- documents ------------------------------------------------------------------------------------

DOCUMENTS = [model for model in RECORDS if issubclass(model, Document)]


def a_document(session: Db, model: Any, company: Company) -> Any:
    """One with two lines."""
    price = {"quantity": Decimal(2), "unit_price": Decimal("1.25")}
    lines = [model.line(description="First", **price), model.line(description="Second", **price)]
    record = model(company_id=company.id, **needed(session, model, company), lines=lines)
    session.add(record)
    session.commit()
    return record


def entries(session: Db, record: Record) -> list[tuple[str | None, str | None, str | None]]:
    query = select(History).where(History.kind == record.kind, History.record_id == record.id)
    found = session.scalars(query.where(History.action == "changed").order_by(History.id))
    return [(entry.field, entry.old, entry.new) for entry in found]


@pytest.mark.parametrize("model", DOCUMENTS, ids=lambda model: model.kind)
def test_an_edit_of_a_line_is_an_edit_of_its_document(session: Db, company: Company, model: Any) -> None:
    document = a_document(session, model, company)
    document.lines[1].unit_price = Decimal("2.50")
    session.commit()
    assert (document.revision, document.total) == (2, Decimal("7.50"))
    assert "lines.2.unit_price" in {field for field, _, _ in entries(session, document)}


@pytest.mark.parametrize("model", DOCUMENTS, ids=lambda model: model.kind)
def test_lines_come_and_go_and_are_counted_from_one(session: Db, company: Company, model: Any) -> None:
    document = a_document(session, model, company)
    document.lines.append(model.line(description="Third", unit_price=Decimal(1)))
    session.commit()
    document.lines.pop(0)
    session.commit()
    assert [(line.position, line.description) for line in document.lines] == [(1, "Second"), (2, "Third")]
    assert (document.revision, document.total) == (3, Decimal("3.50"))


@pytest.mark.parametrize("model", DOCUMENTS, ids=lambda model: model.kind)
def test_what_only_they_know_and_what_is_computed_sends_nothing(session: Db, company: Company, model: Any) -> None:
    document = a_document(session, model, company)
    document.their_status, document.amount_due = "AUTHORISED", Decimal(1)
    session.commit()
    assert document.revision == 1
    assert document.synced_columns().isdisjoint(Document.local_columns)


@pytest.mark.parametrize("model", DOCUMENTS, ids=lambda model: model.kind)
def test_the_history_names_whole_lines_by_number(session: Db, company: Company, model: Any) -> None:
    document = a_document(session, model, company)
    document.lines.append(model.line(description="Third", unit_price=Decimal(1)))
    session.commit()
    document.lines.pop(1)
    session.commit()
    found = entries(session, document)
    assert ("lines.3", None, "Third") in found
    assert ("lines.2", "Second", None) in found
