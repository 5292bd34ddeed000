"""The documents that a new sandbox has, and more of them on demand."""

from __future__ import annotations

import pytest

from backoffice.sandbox.xero.office import Office
from backoffice.sandbox.xero.organisations import every
from backoffice.sandbox.xero.server import Sandbox

KINDS = ("purchaseorders", "invoices", "creditnotes", "payments")


def held(sandbox, kind, position=0):
    world = sandbox.world
    return Office(world, every(world.store)[position], kind).shelf.bodies()


@pytest.fixture(scope="module")
def furnished():
    with Sandbox(contacts=30, items=10) as sandbox:
        sandbox.world.mark()
        yield sandbox


@pytest.mark.parametrize("position", [0, 1])
def test_a_new_organisation_has_a_few_documents(furnished, position):
    orders, invoices, credits, payments = (held(furnished, kind, position) for kind in KINDS)
    assert len(orders) + len(invoices) + len(credits) == 9
    assert held(furnished, "overpayments", position)[0]["RemainingCredit"] == 45
    assert held(furnished, "prepayments", position)[0]["RemainingCredit"] == 250
    assert {one["Status"] for one in invoices if one["Type"] == "ACCPAY"} == {"AUTHORISED", "PAID", "DRAFT"}
    assert {one["Status"] for one in invoices if one["Type"] == "ACCREC"} == {"AUTHORISED", "PAID"}
    assert {one["Status"] for one in orders} == {"AUTHORISED", "DRAFT"}
    assert len(payments) == 3
    assert credits[0]["RemainingCredit"] == 0
    assert len({one["UpdatedDateUTC"] for one in invoices}) == len(invoices)


def test_documents_leave_contacts_and_items_as_they_are_without_them(furnished):
    with Sandbox(contacts=30, items=10, documents=0) as bare:
        for kind in ("contacts", "items"):
            keys = ("ContactID", "IsSupplier", "IsCustomer", "Name", "ItemID", "Code")
            shown = [
                [{key: one[key] for key in keys if key in one} for one in held(sandbox, kind)]
                for sandbox in (bare, furnished)
            ]
            assert shown[0] == shown[1]
        assert held(bare, "invoices") == []


def test_the_same_seed_makes_the_same_documents(furnished):
    with Sandbox(contacts=30, items=10) as twin:
        for kind in KINDS:
            ids = [
                sorted(
                    (one[key], one.get("Total", 0)) for one in held(sandbox, kind) for key in one if key.endswith("ID")
                )
                for sandbox in (furnished, twin)
            ]
            assert ids[0] == ids[1]


def test_fewer_contacts_than_documents_need_is_no_matter():
    for contacts in (0, 1, 2):
        with Sandbox(contacts=contacts, items=0, organisations=1) as sandbox:
            assert len(held(sandbox, "contacts")) == contacts


def test_more_documents_than_the_few_are_plain_ones():
    with Sandbox(contacts=30, items=10, documents=20, organisations=1) as sandbox:
        assert sum(len(held(sandbox, kind)) for kind in (*KINDS[:3], "overpayments", "prepayments")) == 20


def test_many_bills_on_demand(control):
    control("POST", "organisations/1/seed", {"bills": 60, "invoices": 40})
    made = control("GET", "organisations/1/invoices")
    assert [sum(one["Type"] == kind for one in made) for kind in ("ACCPAY", "ACCREC")] == [60, 40]
    assert len({one["InvoiceNumber"] for one in made if one["Type"] == "ACCREC"}) == 40
