"""Purchase orders: what they need, what their number does, how their status moves, how they are listed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from backoffice.sandbox.xero.embedded import EMPTY
from tests.sandbox.xero.callers import words

ZERO = "00000000-0000-0000-0000-000000000000"
GONE = "Deleted PurchaseOrders cannot be updated"
CHANGE = "PurchaseOrder status change is invalid"


def test_what_comes_back(orders, supplier):
    made = orders.make(
        Date="2026-09-14", DeliveryDate="2026-09-20", Reference="R-1", DeliveryInstructions="Back door", Telephone="55"
    )
    assert (made["Type"], made["Status"], made["LineAmountTypes"]) == ("PURCHASEORDER", "DRAFT", "Exclusive")
    assert (made["SubTotal"], made["TotalTax"], made["Total"]) == (100, 15, 115)
    assert made["PurchaseOrderNumber"] == "PO-0001"
    assert (made["Date"], made["DateString"]) == ("/Date(1789344000000+0000)/", "2026-09-14T00:00:00")
    assert made["DeliveryDateString"] == "2026-09-20T00:00:00"
    assert (made["CurrencyCode"], made["CurrencyRate"], made["HasErrors"]) == ("NZD", 1, False)
    assert made["UpdatedDateUTC"].endswith("+0000)/")
    assert made["Contact"]["ContactID"] == supplier
    assert "StatusAttributeString" not in made
    assert orders.read("po-0001") == orders.read(made["PurchaseOrderID"])


def test_an_order_needs_lines_and_a_contact_that_is_there(orders, api, control):
    assert words(orders.put(LineItems=[])) == ["One or more line items must be specified."]
    before = len(control("GET", "organisations/1/contacts"))
    assert "could not be found" in words(orders.put(Contact={"Name": "Nobody yet"}))[0]
    assert "at least 1 of the following" in words(orders.put(Contact={}))[0]
    assert len(control("GET", "organisations/1/contacts")) == before
    assert orders.make(Contact={"ContactNumber": "rp-1"})["Contact"]["Name"] == "Rata Press"
    assert orders.make(Contact={"Name": "rata press"})["Contact"]["ContactNumber"] == "RP-1"


def test_an_archived_contact_gets_no_new_orders(orders, control, supplier):
    made = orders.make()
    control("POST", f"organisations/1/contacts/{supplier}/archive")
    assert "archived" in words(orders.put())[0]
    assert orders.change(made["PurchaseOrderID"], Status="DELETED").status_code == 200


def test_an_order_makes_nobody_a_supplier(orders, control, supplier):
    orders.make(Status="AUTHORISED")
    assert control("GET", f"organisations/1/contacts/{supplier}")["IsSupplier"] is False


def test_post_with_a_live_number_rewrites_that_order(orders, control):
    """The trap: even another supplier's, and nobody is told."""
    made = orders.make(PurchaseOrderNumber="P-77")
    other = control("POST", "organisations/1/contacts", {"Name": "Kowhai Ltd"})[0]["ContactID"]
    now = orders.one(orders.put("post", PurchaseOrderNumber="p-77", Contact={"ContactID": other}, Reference="mine"))
    assert now["PurchaseOrderID"] == made["PurchaseOrderID"]
    assert (now["Contact"]["Name"], now["Reference"]) == ("Kowhai Ltd", "mine")


def test_put_with_a_number_that_is_taken_is_refused(orders):
    orders.make(PurchaseOrderNumber="P-77")
    assert words(orders.put(PurchaseOrderNumber="P-77")) == ["Order number must be unique"]
    other = orders.make(PurchaseOrderNumber="P-78")
    renamed = orders.change(other["PurchaseOrderID"], PurchaseOrderNumber="P-77")
    assert words(renamed) == ["Order number must be unique"]


def test_the_number_of_a_deleted_order_is_lost(orders):
    made = orders.make(PurchaseOrderNumber="P-77")
    orders.one(orders.change(made["PurchaseOrderID"], Status="DELETED"))
    answer = orders.put("post", params={"summarizeErrors": "false"}, PurchaseOrderNumber="P-77", Status="DRAFT")
    refused = orders.one(answer)
    assert (refused["PurchaseOrderID"], refused["StatusAttributeString"], refused["HasErrors"]) == (ZERO, "ERROR", True)
    assert [one["Message"] for one in refused["ValidationErrors"]] == [GONE, CHANGE]
    assert words(orders.put(PurchaseOrderNumber="P-77")) == ["Order number must be unique"]
    assert words(orders.change(made["PurchaseOrderID"], PurchaseOrderNumber="P-77-old")) == [GONE]


def test_a_new_name_together_with_the_deletion_frees_the_number(orders):
    made = orders.make(PurchaseOrderNumber="P-77")
    orders.one(orders.change(made["PurchaseOrderID"], Status="DELETED", PurchaseOrderNumber="P-77-deleted"))
    again = orders.one(orders.put("post", PurchaseOrderNumber="P-77"))
    assert again["PurchaseOrderID"] != made["PurchaseOrderID"]


@pytest.mark.parametrize("status", ["DRAFT", "SUBMITTED", "AUTHORISED", "BILLED"])
def test_an_order_can_begin_at_any_status_and_end_from_any(orders, status):
    made = orders.make(Status=status)
    assert made["Status"] == status
    assert orders.one(orders.change(made["PurchaseOrderID"], Status="DELETED"))["Status"] == "DELETED"
    assert words(orders.change(made["PurchaseOrderID"], Status="DRAFT")) == [GONE, CHANGE]


def test_how_the_status_moves(orders):
    key = orders.make()["PurchaseOrderID"]
    for status in ("SUBMITTED", "DRAFT", "SUBMITTED", "AUTHORISED", "BILLED", "AUTHORISED"):
        assert orders.one(orders.change(key, Status=status))["Status"] == status
    assert words(orders.change(key, Status="DRAFT")) == [CHANGE]


def test_a_draft_is_not_sent_to_anybody(orders):
    made = orders.make(params={"summarizeErrors": "false"}, SentToContact=True)
    assert (made["StatusAttributeString"], made["SentToContact"]) == ("WARNING", False)
    assert "SentToContact" in made["Warnings"][0]["Message"]
    assert "Warnings" not in orders.read(made["PurchaseOrderID"])
    assert orders.make(Status="AUTHORISED", SentToContact=True)["SentToContact"] is True


def test_the_stamp_of_the_contact_inside_is_local_time(orders, sandbox, api, supplier):
    made = orders.make()
    inside = int(made["Contact"]["UpdatedDateUTC"][6:-7])
    own = int(api.get(f"Contacts/{supplier}").json()["Contacts"][0]["UpdatedDateUTC"][6:-7])
    assert inside - own in (12 * 3_600_000, 13 * 3_600_000)
    assert orders.listed()[-1]["Contact"]["UpdatedDateUTC"] == made["Contact"]["UpdatedDateUTC"]


def test_the_day_is_that_of_the_organisation(orders, sandbox, api, control):
    sandbox.world.clock.set(datetime(2026, 11, 20, 12, 30, tzinfo=UTC), fixed=True)
    token = control("POST", "tokens", {})["token"]["access_token"]
    api.session.headers["Authorization"] = f"Bearer {token}"
    assert orders.make()["DateString"] == "2026-11-21T00:00:00"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("2026-09-14", "2026-09-14"),
        ("2026-09-14T00:00:00", "2026-09-14"),
        ("2026-09-14T00:00:00+12:00", "2026-09-13"),
        ("/Date(1789344000000)/", "2026-09-14"),
        ("/Date(1789344000000+1200)/", "2026-09-14"),
    ],
)
def test_days_are_read_in_many_ways(orders, sent, kept):
    assert orders.make(Date=sent)["DateString"] == f"{kept}T00:00:00"


def test_a_day_that_is_none(orders):
    answer = orders.put(Date="tomorrow")
    assert (answer.status_code, answer.json()["Type"]) == (400, "PostDataInvalidException")


def test_they_always_come_in_pages(orders, api):
    orders.put()
    batch = {"PurchaseOrders": [orders.defaults] * 104}
    assert api.put("PurchaseOrders", batch, summarizeErrors="false").status_code == 200
    whole = api.get("PurchaseOrders", pageSize=1000).json()
    assert len(whole["PurchaseOrders"]) == 100
    assert whole["pagination"]["pageSize"] == 100
    assert whole["pagination"]["pageCount"] == 2
    assert (
        len(api.get("PurchaseOrders", page=1, pageSize=1000).json()["PurchaseOrders"])
        == whole["pagination"]["itemCount"]
    )


def test_filters(orders):
    orders.make(PurchaseOrderNumber="A", Date="2026-01-01", Status="AUTHORISED")
    orders.make(PurchaseOrderNumber="B", Date="2026-01-02")
    orders.make(PurchaseOrderNumber="C", Date="2026-01-03")

    def numbers(**params):
        wanted = {"A", "B", "C"}
        return [one["PurchaseOrderNumber"] for one in orders.listed(**params) if one["PurchaseOrderNumber"] in wanted]

    assert numbers(DateFrom="2026-01-02", DateTo="2026-01-02") == ["B"]
    assert numbers(Status="AUTHORISED", DateTo="2026-01-05") == ["A"]
    assert numbers(order="PurchaseOrderNumber DESC") == ["C", "B", "A"]
    assert numbers(where='PurchaseOrderNumber=="A"', order="Date ASC") == ["A", "B", "C"]
    assert orders.listed({"If-Modified-Since": "2100-01-01T00:00:00"}) == []


def test_a_batch_keeps_its_order_and_tells_good_from_bad(orders, api):
    batch = [{**orders.defaults, "Reference": str(n)} for n in range(3)]
    batch[1]["LineItems"] = []
    answer = api.put("PurchaseOrders", {"PurchaseOrders": batch}, summarizeErrors="False").json()["PurchaseOrders"]
    assert [one["Reference"] for one in answer] == ["0", "1", "2"]
    assert [one["StatusAttributeString"] for one in answer] == ["OK", "ERROR", "OK"]
    before = len(orders.listed(page=1, pageSize=1000))
    assert api.put("PurchaseOrders", {"PurchaseOrders": batch}).status_code == 400
    assert len(orders.listed(page=1, pageSize=1000)) == before


def test_a_contact_that_is_gone_leaves_its_name(orders, control, supplier):
    made = orders.make()
    control("PATCH", f"organisations/1/contacts/{supplier}", {"Name": "Kowhai Press"})
    control("DELETE", f"organisations/1/contacts/{supplier}")
    inside = orders.read(made["PurchaseOrderID"])["Contact"]
    assert inside == {**EMPTY, "ContactID": supplier, "Name": "Kowhai Press"}
