"""Every mapper of Xero's, by introspection: what it names exists, what it sends comes back, and nothing breaks it."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Boolean, Column, Date, Enum, String
from sqlalchemy.orm.attributes import set_committed_value
from xero_python import accounting

from backoffice.database import Exact
from backoffice.models import (
    RECORDS,
    Allocation,
    Attachment,
    Contact,
    CreditNote,
    Document,
    Line,
    Payment,
    PurchaseOrder,
    Record,
    Side,
    Status,
)
from backoffice.models.totals import Treatment
from backoffice.providers.xero.kinds import MAPPERS
from backoffice.sync.mapper import Field, Mapper
from tests.providers.xero.conftest import DAY, Ledger

EVERY = pytest.mark.parametrize("mapper", MAPPERS, ids=lambda mapper: mapper.kind)
SENDING = pytest.mark.parametrize(
    "mapper", [mapper for mapper in MAPPERS if mapper.direction.sends], ids=lambda mapper: mapper.kind
)
WITH_LINES = [mapper for mapper in MAPPERS if mapper.line_fields]
SCALARS = st.none() | st.booleans() | st.integers() | st.decimals() | st.text(max_size=600)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
SDK = {
    "contact": accounting.Contact,
    "item": accounting.Item,
    "account": accounting.Account,
    "tracking": accounting.TrackingCategory,
    "tracking_option": accounting.TrackingOption,
    "tax_rate": accounting.TaxRate,
    "purchase_order": accounting.PurchaseOrder,
    "bill": accounting.Invoice,
    "invoice": accounting.Invoice,
    "credit_note": accounting.CreditNote,
    "allocation": accounting.Allocation,
    "prepayment": accounting.Prepayment,
    "overpayment": accounting.Overpayment,
    "payment": accounting.Payment,
    "attachment": accounting.Attachment,
}
#: Keys that are not of the row itself: what it comes with names it, or the list that a file hangs on.
AROUND = {("allocation", "CreditNoteID")} | {
    ("attachment", ref) for ref in ("PurchaseOrders", "Invoices", "CreditNotes")
}
#: What every document has a column for, and some have at neither side.
WITHOUT = {"purchase_order": {"due_date"}, "credit_note": {"due_date"}}
ID = "5b3d5a3e-0d0c-4c1e-9a55-3f8a3b1c0a01"


def came_in(mapper: Mapper) -> set[str]:
    """The columns that a row of theirs fills, but for those that name other records."""
    return {"archived", *(field.column for field in mapper.fields)} | ({"lines"} if mapper.line_fields else set())


def test_every_kind_of_record_travels_to_xero() -> None:
    assert {mapper.kind for mapper in MAPPERS} == {model.kind for model in RECORDS}


@EVERY
def test_columns_exist(mapper: Mapper) -> None:
    columns = set(mapper.model.business_columns())
    assert came_in(mapper) <= columns | {"lines"}
    assert {ref.column for ref in mapper.refs} <= columns
    assert {*mapper.match_by, *mapper.lookup_key, *mapper.theirs, *mapper.computed, *mapper.standing} <= columns
    assert set(mapper.lookup_key) <= {field.column for field in mapper.fields}
    assert {ref.kind for ref in (*mapper.refs, *mapper.line_refs)} <= {each.kind for each in MAPPERS}
    assert mapper.parent is None or mapper.parent in {ref.column for ref in mapper.refs}


@EVERY
def test_what_is_synced_travels(mapper: Mapper) -> None:
    """Each column whose change is an edit to be sent is one of a field, or names another record."""
    travels = came_in(mapper) | {ref.column for ref in mapper.refs} | WITHOUT.get(mapper.kind, set())
    assert mapper.model.synced_columns() - travels == set()


@pytest.mark.parametrize("mapper", WITH_LINES, ids=lambda mapper: mapper.kind)
def test_lines_have_all_that_both_sides_keep_of_them(mapper: Mapper) -> None:
    assert issubclass(mapper.model, Document)
    columns = set(mapper.model.line.__mapper__.columns.keys())
    named = {field.column for field in mapper.line_fields} | {ref.column for ref in mapper.line_refs}
    assert named == set(Line.content) | {"amount", "tax_amount"}
    assert named <= columns
    keys = [field.key for field in mapper.line_fields] + [ref.key for ref in mapper.line_refs]
    assert [key for key in keys if not known(accounting.LineItem, key)] == []


def test_every_document_has_lines() -> None:
    assert {mapper.model for mapper in WITH_LINES} == {model for model in RECORDS if issubclass(model, Document)}


@EVERY
def test_every_key_is_one_of_xeros(mapper: Mapper) -> None:
    """Asked of the official SDK, which is made from Xero's own description."""
    keys = [field.key for field in mapper.fields] + [ref.key for ref in mapper.refs] + [mapper.id_key]
    wanted = [key for key in keys if (mapper.kind, key) not in AROUND]
    assert [key for key in wanted if not known(SDK[mapper.kind], key)] == []


def known(model: Any, path: str) -> bool:
    key, _, rest = path.partition(".")
    named = {theirs: ours for ours, theirs in model.attribute_map.items()}
    if key not in named:
        return False
    kind = model.openapi_types[named[key]]
    if kind.startswith("list["):
        # The next part of the path is the type of one of several places.
        kind, rest = kind[5:-1], rest.partition(".")[2]
    return not rest or known(getattr(accounting, kind), rest)


def smallest(mapper: Mapper) -> dict[str, Any]:
    """The row in which Xero leaves out all it may."""
    needed = {
        "Code": "200",
        "Name": "Name",
        "TaxType": "OUTPUT2",
        "Date": "/Date(1793577600000+0000)/",
        "Amount": Decimal("1.00"),
        "FileName": "scan.pdf",
        "MimeType": "application/pdf",
    }
    return {mapper.id_key: ID, **{field.key: needed[field.key] for field in mapper.fields if field.key in needed}}


@EVERY
def test_a_row_without_its_empty_fields_loads_whole(mapper: Mapper) -> None:
    values = mapper.load(smallest(mapper))
    assert set(values) == came_in(mapper)
    assert values.pop("lines", []) == []
    record = mapper.model(**values)
    assert all(mapper.model.__mapper__.columns[name].nullable for name, value in values.items() if value is None)
    assert str(record)
    assert set(mapper.names(smallest(mapper)).values()) <= {None}
    assert mapper.agreed(smallest(mapper))


@EVERY
def test_empty_texts_are_the_same_as_none_at_all(mapper: Mapper) -> None:
    texts = {field.key: "" for field in mapper.fields if "." not in field.key}
    assert mapper.load({**texts, **smallest(mapper)}) == mapper.load(smallest(mapper))
    nulls = {field.key: None for field in mapper.fields if "." not in field.key}
    nulls |= dict.fromkeys(("LineItems", "Contact", "Allocations", "Account", "Invoice", "BatchPayment"))
    assert mapper.load({**nulls, **smallest(mapper)}) == mapper.load(smallest(mapper))


@EVERY
def test_a_row_without_an_id_is_no_row(mapper: Mapper) -> None:
    for payload in ({}, {mapper.id_key: None}, {mapper.id_key: ""}, {mapper.id_key: "x" * 65}, {mapper.id_key: 7}):
        with pytest.raises((KeyError, ValueError)):
            mapper.external_id(payload)


# --- whatever comes -----------------------------------------------------------------------------------


def fits(value: Any, column: Column[Any]) -> bool:
    if value is None:
        return bool(column.nullable)
    if isinstance(column.type, Boolean):
        return isinstance(value, bool)
    if isinstance(column.type, Date):
        return isinstance(value, dt.date)
    if isinstance(column.type, Exact):
        scaled = value.scaleb(column.type.places)
        return isinstance(value, Decimal) and scaled == scaled.to_integral_value() and abs(scaled) < 2**63
    if isinstance(column.type, Enum):
        assert column.type.enum_class is not None
        return value in column.type.enum_class
    assert isinstance(column.type, String)
    value.encode()
    return "\0" not in value and len(value) <= (column.type.length or 100_000)


def judged(mapper: Mapper, payload: dict[str, Any]) -> list[dict[str, Any]]:
    """What the engine does with a row before it writes any of it: read, or set aside for an error of these three."""
    taken: list[dict[str, Any]] = []
    try:
        for row in mapper.rows(payload):
            mapper.external_id(row)
            values = {**mapper.load(row), **mapper.names(row)}
            assert mapper.version(row)
            assert mapper.gone(row) in (None, "archived", "deleted", "voided")
            assert mapper.agreed(row)
            taken.append(values)
    except (ValueError, KeyError, TypeError):
        return taken
    return taken


def misfits(mapper: Mapper, values: dict[str, Any]) -> set[str]:
    """The columns of ours that what was read does not fit."""
    refs = {ref.column for ref in mapper.refs}
    columns = mapper.model.__mapper__.columns
    found = {name for name in values.keys() - refs - {"lines"} if not fits(values[name], columns[name])}
    found |= {name for name in refs if not isinstance(values[name], str | None)}
    if issubclass(mapper.model, Document):
        of_line = mapper.model.line.__mapper__.columns
        for line in values["lines"]:
            options = {ref.column for ref in mapper.line_refs}
            found |= {f"lines.{name}" for name in line.keys() - options if not fits(line[name], of_line[name])}
            found |= {f"lines.{name}" for name in options if not isinstance(line[name], str | None)}
    return found


def keys_of(mapper: Mapper) -> st.SearchStrategy[dict[str, Any]]:
    more = ["Status", "ContactStatus", "Addresses", "Phones", "Options", "UpdatedDateUTC"]
    more += ["LineItems", "Contact", "Allocations", "Invoice", "CreditNote", "Account", "Type", "PaymentType"]
    names = {field.key.split(".")[0] for field in mapper.fields} | {mapper.id_key, *more}
    slot = st.fixed_dictionaries(
        {"AddressType": st.just("POBOX"), "PhoneType": st.sampled_from(["DEFAULT", "MOBILE"])},
        optional=dict.fromkeys(["City", "AddressLine1", "AddressLine2", "PhoneNumber", "PhoneAreaCode"], SCALARS),
    )
    inner = st.fixed_dictionaries({}, optional=dict.fromkeys(["UnitPrice", "AccountCode", "TaxType"], SCALARS))
    ids = [
        "ContactID",
        "InvoiceID",
        "CreditNoteID",
        "AccountID",
        "AllocationID",
        "Type",
        "IsDeleted",
        "TrackingOptionID",
    ]
    named = st.fixed_dictionaries({}, optional=dict.fromkeys(ids, SCALARS | st.just(ID)))
    tracking = st.lists(named, max_size=3) | ANYTHING
    cells = {field.key: SCALARS | st.just("12.5") for field in mapper.line_fields}
    lines = st.lists(st.fixed_dictionaries({}, optional={**cells, "Tracking": tracking}), max_size=3)
    anything = ANYTHING | st.lists(slot) | inner | named | lines | st.lists(named, max_size=2)
    good = smallest(mapper)
    return st.fixed_dictionaries(
        {}, optional={key: anything | st.just(good[key]) if key in good else anything for key in sorted(names)}
    )


@EVERY
@given(data=st.data())
@settings(deadline=None, max_examples=40)
def test_whatever_comes_is_refused_or_fits_the_columns(mapper: Mapper, data: st.DataObject) -> None:
    for values in judged(mapper, data.draw(keys_of(mapper))):
        assert misfits(mapper, values) == set()


MEGABYTE = "m" * 1_000_000
NONSENSE: dict[str, dict[str, Any]] = {
    "a list is null": {"LineItems": None, "Allocations": None, "Tracking": None},
    "lines as an object": {"LineItems": {"Description": "one"}},
    "lines as text": {"LineItems": "Rope"},
    "a line is null": {"LineItems": [None]},
    "a line of numbers": {"LineItems": [7, 8]},
    "a quantity of words": {"LineItems": [{"Quantity": "many"}]},
    "a quantity that is true": {"LineItems": [{"Quantity": True}]},
    "a price without end": {"LineItems": [{"UnitAmount": Decimal("Infinity")}]},
    "a price that is no number": {"LineItems": [{"UnitAmount": Decimal("NaN")}]},
    "a price that is too large": {"LineItems": [{"UnitAmount": Decimal("1E+400")}]},
    "a discount as a list": {"LineItems": [{"DiscountRate": []}]},
    "a description as an object": {"LineItems": [{"Description": {"en": "Rope"}}]},
    "a megabyte of description": {"LineItems": [{"Description": MEGABYTE}]},
    "an account code of a megabyte": {"LineItems": [{"AccountCode": MEGABYTE}]},
    "tracking as an object": {"LineItems": [{"Tracking": {"TrackingOptionID": ID}}]},
    "tracking of texts": {"LineItems": [{"Tracking": ["North"]}]},
    "an option without an id": {"LineItems": [{"Tracking": [{"Name": "Region"}]}]},
    "three options": {"LineItems": [{"Tracking": [{"TrackingOptionID": ID}] * 3}]},
    "no party": {"Contact": None},
    "a party by name alone": {"Contact": {"Name": "Papers Ltd"}},
    "a party that is text": {"Contact": "Papers Ltd"},
    "a party in a list": {"Contact": [{"ContactID": ID}]},
    "a number of a megabyte": dict.fromkeys(("InvoiceNumber", "CreditNoteNumber", "PurchaseOrderNumber"), MEGABYTE),
    "an address of a megabyte": {"DeliveryAddress": MEGABYTE, "Reference": MEGABYTE},
    "a total that is too large": {"Total": Decimal(10) ** 40, "Amount": Decimal(10) ** 40},
    "a total of words": {"Total": "a lot", "Amount": "a lot", "RemainingCredit": "a lot"},
    "a status never heard of": {"Status": "ULTRA", "Type": "ULTRA", "PaymentType": "ULTRA"},
    "a status that is a number": {"Status": 7, "Type": 7, "LineAmountTypes": 7},
    "a status that is a list": {"Status": [], "Type": [], "LineAmountTypes": []},
    "a day that never was": {"Date": "2026-02-30", "DueDate": "2026-02-30"},
    "a day that is a number": {"Date": 1793577600000},
    "a day beyond the calendar": {"Date": "/Date(99999999999999999)/"},
    "an account that is text": {"Account": "090", "BatchPayment": "one"},
    "allocations as an object": {"Allocations": {"Amount": 1}},
    "allocations of nothing": {"Allocations": [None]},
    "an allocation of nothing": {"Allocations": [{}]},
    "an invoice that is a list": {"Invoice": [], "CreditNote": 7},
    "a rate as an object": {"CurrencyRate": {}},
    "a rate that is too large": {"CurrencyRate": 10**9},
    "an amount just too large": {"Amount": 10**16, "Total": 10**16, "AmountDue": 10**16, "RemainingCredit": 10**16},
    "a quantity just too large": {"LineItems": [{"Quantity": 10**14}]},
    "half of a character": {"Reference": "\ud800", "InvoiceNumber": "\0\0"},
}


@pytest.mark.parametrize(
    "mapper", [mapper for mapper in MAPPERS if mapper.asks or mapper in WITH_LINES], ids=lambda m: m.kind
)
@pytest.mark.parametrize("sort", NONSENSE)
def test_nonsense_is_refused_or_fits_the_columns(mapper: Mapper, sort: str) -> None:
    types = {"bill": "ACCPAY", "invoice": "ACCREC", "credit_note": "ACCPAYCREDIT"}
    whole = {**smallest(mapper), "Contact": {"ContactID": ID}, "Type": types.get(mapper.kind, "")}
    for values in judged(mapper, {**whole, **NONSENSE[sort]}):
        assert misfits(mapper, values) == set()


# --- what goes out comes back -------------------------------------------------------------------------

#: What one may write: any character but those that no database takes, and the controls.
WRITTEN = st.characters(blacklist_categories=("Cs", "Cc"))
DAYS = st.dates(dt.date(2000, 1, 1), dt.date(2100, 1, 1))


def text_for(column: Column[Any]) -> st.SearchStrategy[Any]:
    limit = getattr(column.type, "length", None) or 60
    words = st.text(WRITTEN, min_size=1, max_size=min(limit, 60))
    return st.none() | words if column.nullable else words


def value_for(column: Column[Any]) -> st.SearchStrategy[Any]:
    """What a person may write into a column."""
    drawn: st.SearchStrategy[Any]
    if isinstance(column.type, Boolean):
        return st.booleans()
    if isinstance(column.type, Date):
        drawn = DAYS
    elif isinstance(column.type, Exact):
        drawn = st.decimals(1, 1_000_000, places=column.type.places)
    elif isinstance(column.type, Enum):
        drawn = st.sampled_from(list(column.type.enum_class or ()))
    else:
        return text_for(column)
    return st.none() | drawn if column.nullable else drawn


def lines_for(model: type[Document], ledger: Ledger) -> st.SearchStrategy[list[Line]]:
    columns = model.line.__mapper__.columns
    sales = getattr(model, "side", None) is Side.SALES
    first, second = (option.id for option in ledger.options)
    return st.lists(
        st.builds(
            model.line,
            item_code=st.none() | st.just(ledger.item.code),
            description=st.text(WRITTEN, min_size=1, max_size=60),
            quantity=value_for(columns["quantity"]),
            unit_price=st.decimals(-1000, 1000, places=model.price_places),
            discount=st.decimals(0, 100, places=4) if sales else st.just(Decimal(0)),
            account_code=st.sampled_from(["200", "300"]),
            tax_code=st.sampled_from(["INPUT2", "OUTPUT2"]),
            tracking_1_id=st.none() | st.just(first),
            tracking_2_id=st.none() | st.just(second),
        ),
        min_size=1,
        max_size=3,
    )


def around(model: type[Record], ledger: Ledger) -> dict[str, st.SearchStrategy[Any]]:
    """What a record of a kind names, and what of it is drawn otherwise than by its column."""
    papers = ledger.documents
    if issubclass(model, Document):
        sides = {"side": st.sampled_from(list(Side))} if model is CreditNote else {}
        fixed = {"contact_id": ledger.contact.id, "status": Status.APPROVED, "archived": False}
        money = {"currency": st.sampled_from(["NZD", "USD"]), "lines": lines_for(model, ledger)}
        return {**sides, **{name: st.just(value) for name, value in fixed.items()}, **money}
    if model is Payment:
        paid = st.sampled_from(["bill", "invoice", "credit_note"]).map(lambda kind: papers[kind])
        return {"paid": paid, "account_id": st.just(ledger.bank.id), "archived": st.just(False)}
    if model is Allocation:
        named = {"credit_note": papers["credit_note"], "credit_note_id": papers["credit_note"].id}
        owed = {"bill": papers["bill"], "bill_id": papers["bill"].id, "archived": False}
        return {name: st.just(value) for name, value in {**named, **owed}.items()}
    if model is Attachment:
        fixed = {"bill": papers["bill"], "bill_id": papers["bill"].id, "archived": False}
        sorts = st.sampled_from(["application/pdf", "image/svg+xml"])
        return {**{name: st.just(value) for name, value in fixed.items()}, "mime_type": sorts}
    return {}


def records(mapper: Mapper, ledger: Ledger) -> st.SearchStrategy[Record]:
    """Records of ours as a person may write them."""
    columns, model = mapper.model.__mapper__.columns, mapper.model
    own = {ref.column for ref in mapper.refs} | mapper.theirs | mapper.computed | {"lines"}
    drawn = {name: value_for(columns[name]) for name in came_in(mapper) - own}
    return st.fixed_dictionaries({**drawn, **around(model, ledger)}).map(lambda values: made(model, values))


def made(model: type[Record], values: dict[str, Any]) -> Record:
    paid = values.pop("paid", None)
    if paid is not None:
        values |= {paid.kind: paid, f"{paid.kind}_id": paid.id}
    named = {name: value for name, value in values.items() if isinstance(value, Record)}
    record = model(id=1, **{name: value for name, value in values.items() if name not in named})
    for name, other in named.items():
        set_committed_value(record, name, other)  # it stays out of the other's session
    for position, line in enumerate(values.get("lines", ()), start=1):
        line.position = position
        for column in line.content:
            kept = line.table().c[column]
            if getattr(line, column) is None and not kept.nullable:
                setattr(line, column, kept.default.arg)  # as the database would
    return record


def line_values(lines: list[Any], ledger: Ledger) -> list[tuple[Any, ...]]:
    """Lines to be compared: tracking options by their ids there, in any order."""
    ids = {option.id: ledger.external_id(option) for option in ledger.options}
    plain = [column for column in Line.content if not column.startswith("tracking")]

    def tracked(read: Any) -> set[Any]:
        found = (read("tracking_1_id"), read("tracking_2_id"))
        return {ids.get(each, each) for each in found if each is not None}

    reads = [line.get if isinstance(line, dict) else line.__getattribute__ for line in lines]
    return [(*(read(column) for column in plain), tracked(read)) for read in reads]


@SENDING
@given(data=st.data())
@settings(deadline=None, max_examples=30)
def test_what_is_sent_comes_back(ledger: Ledger, mapper: Mapper, data: st.DataObject) -> None:
    record: Any = data.draw(records(mapper, ledger))
    payload = mapper.dump(record, ledger.books())
    if mapper.kind == "allocation":
        payload["AllocationID"] = ID
    back, named = mapper.load(payload), mapper.names(payload)
    sent = came_in(mapper) - mapper.theirs - mapper.computed - {"lines"}
    assert {name: back[name] for name in sent} == {name: getattr(record, name) for name in sent}
    if mapper.line_fields:
        for line in record.lines:
            line.tax_code = "NONE" if record.treatment is Treatment.NONE else line.tax_code
        assert line_values(back["lines"], ledger) == line_values(record.lines, ledger)
    if mapper.kind != "attachment":
        books = ledger.books()
        ids = {ref.column: (ref.kind, getattr(record, ref.column)) for ref in mapper.refs}
        assert named == {name: books.external_id(kind, i) if i else None for name, (kind, i) in ids.items()}
    assert mapper.arrived(payload, {**payload}) or mapper.kind == "allocation"


@SENDING
def test_the_provider_alone_decides_what_is_its_own(ledger: Ledger, mapper: Mapper) -> None:
    own: list[Field] = [field for field in mapper.fields if field.column in mapper.theirs | mapper.computed]
    shared = {"Status", "CurrencyRate"}
    keys = {field.key for field in own} - shared
    record = made(mapper.model, {"name": "Name", "archived": False, **example(mapper.model, ledger)})
    assert keys.isdisjoint(mapper.dump(record, ledger.books()))


def example(model: type[Record], ledger: Ledger) -> dict[str, Any]:
    if model is Contact:
        return {}
    target = {"bill": ledger.documents["bill"], "bill_id": ledger.documents["bill"].id}
    if not issubclass(model, Document):
        money = (
            {"date": DAY, "amount": Decimal(1)} if model is not Attachment else {"mime_type": "text/plain", "size": 1}
        )
        more = {"account_id": ledger.bank.id} if model is Payment else {}
        note = ledger.documents["credit_note"]
        more |= {"credit_note": note, "credit_note_id": note.id} if model is Allocation else {}
        return {**target, **money, **more}
    line = model.line(description="Rope", quantity=Decimal(1), unit_price=Decimal(1), discount=Decimal(0))
    about = {"contact_id": ledger.contact.id, "date": DAY, "status": Status.APPROVED, "lines": [line]}
    of_order = {"billed": False} if model is PurchaseOrder else {}
    of_note = {"side": Side.SALES} if model is CreditNote else {}
    return {**about, "treatment": Treatment.EXCLUSIVE, **of_order, **of_note}
