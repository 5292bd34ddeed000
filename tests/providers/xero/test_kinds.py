"""Every mapper of Xero's, by introspection: what it names exists, what it sends comes back, and nothing breaks it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Boolean, Column, String
from xero_python import accounting

from backoffice.database import Exact
from backoffice.models import RECORDS, Record
from backoffice.providers.xero.kinds import MAPPERS
from backoffice.sync.mapper import Mapper

EVERY = pytest.mark.parametrize("mapper", MAPPERS, ids=lambda mapper: mapper.kind)
SENDING = pytest.mark.parametrize(
    "mapper", [mapper for mapper in MAPPERS if mapper.direction.sends], ids=lambda mapper: mapper.kind
)
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
}
ID = "5b3d5a3e-0d0c-4c1e-9a55-3f8a3b1c0a01"


def came_in(mapper: Mapper) -> set[str]:
    return set(mapper.model.synced_columns()) - {ref.column for ref in mapper.refs}


def test_every_kind_of_record_travels_to_xero() -> None:
    assert {mapper.kind for mapper in MAPPERS} == {model.kind for model in RECORDS}


@EVERY
def test_columns_exist(mapper: Mapper) -> None:
    columns = mapper.model.synced_columns()
    assert {field.column for field in mapper.fields} <= columns
    assert {ref.column for ref in mapper.refs} <= columns
    assert {*mapper.match_by, *mapper.lookup_key, *mapper.theirs} <= columns
    assert set(mapper.lookup_key) <= {field.column for field in mapper.fields}
    assert {ref.kind for ref in mapper.refs} <= {each.kind for each in MAPPERS}


@EVERY
def test_every_key_is_one_of_xeros(mapper: Mapper) -> None:
    """Asked of the official SDK, which is made from Xero's own description."""
    keys = [field.key for field in mapper.fields] + [ref.key for ref in mapper.refs] + [mapper.id_key]
    assert [key for key in keys if not known(SDK[mapper.kind], key)] == []


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
    needed = {"Code": "200", "Name": "Name", "TaxType": "OUTPUT2"}
    return {mapper.id_key: ID, **{field.key: needed[field.key] for field in mapper.fields if field.key in needed}}


@EVERY
def test_a_row_without_its_empty_fields_loads_whole(mapper: Mapper) -> None:
    values = mapper.load(smallest(mapper))
    assert set(values) == came_in(mapper)
    record = mapper.model(**values)
    assert all(mapper.model.__mapper__.columns[name].nullable for name, value in values.items() if value is None)
    assert str(record)


@EVERY
def test_empty_texts_are_the_same_as_none_at_all(mapper: Mapper) -> None:
    texts = {field.key: "" for field in mapper.fields if "." not in field.key}
    assert mapper.load({**texts, **smallest(mapper)}) == mapper.load(smallest(mapper))


@EVERY
def test_a_row_without_an_id_is_no_row(mapper: Mapper) -> None:
    for payload in ({}, {mapper.id_key: None}, {mapper.id_key: ""}, {mapper.id_key: "x" * 65}, {mapper.id_key: 7}):
        with pytest.raises((KeyError, ValueError)):
            mapper.external_id(payload)


def fits(value: Any, column: Column[Any]) -> bool:
    if value is None:
        return bool(column.nullable)
    if isinstance(column.type, Boolean):
        return isinstance(value, bool)
    if isinstance(column.type, Exact):
        scaled = value.scaleb(column.type.places)
        return isinstance(value, Decimal) and scaled == scaled.to_integral_value() and abs(scaled) < 2**63
    assert isinstance(column.type, String)
    value.encode()
    return "\0" not in value and len(value) <= (column.type.length or len(value))


def keys_of(mapper: Mapper) -> st.SearchStrategy[dict[str, Any]]:
    more = ["Status", "ContactStatus", "Addresses", "Phones", "Options", "UpdatedDateUTC"]
    names = {field.key.split(".")[0] for field in mapper.fields} | {mapper.id_key, *more}
    slot = st.fixed_dictionaries(
        {"AddressType": st.just("POBOX"), "PhoneType": st.sampled_from(["DEFAULT", "MOBILE"])},
        optional=dict.fromkeys(["City", "AddressLine1", "AddressLine2", "PhoneNumber", "PhoneAreaCode"], SCALARS),
    )
    inner = st.fixed_dictionaries({}, optional=dict.fromkeys(["UnitPrice", "AccountCode", "TaxType"], SCALARS))
    return st.fixed_dictionaries({}, optional=dict.fromkeys(sorted(names), ANYTHING | st.lists(slot) | inner))


@EVERY
@given(data=st.data())
@settings(deadline=None, max_examples=40)
def test_whatever_comes_is_refused_or_fits_the_columns(mapper: Mapper, data: st.DataObject) -> None:
    payload = data.draw(keys_of(mapper))
    columns = mapper.model.__mapper__.columns
    try:
        rows = mapper.rows(payload)
        loaded = [mapper.load(row) for row in rows]
    except ValueError:
        return
    for row, values in zip(rows, loaded, strict=True):
        assert mapper.version(row)
        assert mapper.gone(row) in (None, "archived", "deleted")
        assert {name for name, value in values.items() if not fits(value, columns[name])} == set()


def text_for(column: Column[Any]) -> st.SearchStrategy[Any]:
    limit = getattr(column.type, "length", None) or 60
    alphabet = st.characters(blacklist_categories=("Cs", "Cc"))
    words = st.text(alphabet, min_size=1, max_size=min(limit, 60))
    return st.none() | words if column.nullable else words


def records(mapper: Mapper) -> st.SearchStrategy[Record]:
    """Records of ours as a person may write them."""
    columns = mapper.model.__mapper__.columns
    drawn: dict[str, st.SearchStrategy[Any]] = {}
    for name in mapper.model.synced_columns() - mapper.theirs:
        drawn[name] = st.booleans() if isinstance(columns[name].type, Boolean) else text_for(columns[name])
    return st.builds(mapper.model, **drawn)


@SENDING
@given(data=st.data())
@settings(deadline=None, max_examples=100)
def test_what_is_sent_comes_back(mapper: Mapper, data: st.DataObject) -> None:
    record = data.draw(records(mapper))
    sent = mapper.model.synced_columns() - mapper.theirs
    payload = mapper.dump(record)
    assert {name: value for name, value in mapper.load(payload).items() if name in sent} == {
        name: getattr(record, name) for name in sent
    }
    assert mapper.dump(type(record)(**mapper.load(payload))) == payload


@SENDING
def test_the_provider_alone_decides_what_is_its_own(mapper: Mapper) -> None:
    keys = {field.key for field in mapper.fields if field.column in mapper.theirs}
    assert keys.isdisjoint(mapper.dump(mapper.model(name="Name", archived=False)))
