"""Files on documents."""

from __future__ import annotations

import pytest

from tests.sandbox.xero.callers import words

PDF = {"Content-Type": "application/pdf"}


@pytest.fixture
def path(bills):
    return f"Invoices/{bills.make()['InvoiceID']}"


def attach(api, path, name, data=b"%PDF", verb="PUT", **params):
    return api.call(verb, f"{path}/Attachments/{name}", data=data, headers=PDF, params=params)


def test_a_file_is_kept_listed_and_read(api, bills, path):
    made = attach(api, path, "Bill 77.pdf", IncludeOnline="true").json()["Attachments"][0]
    assert (made["FileName"], made["MimeType"], made["ContentLength"]) == ("Bill 77.pdf", "application/pdf", 4)
    assert made["IncludeOnline"] is True
    assert made["Url"].startswith(f"{api.url}/api.xro/2.0/{path}/Attachments/Bill%2077")
    assert api.get(f"{path}/Attachments").json()["Attachments"] == [made]
    for name in ("bill 77.PDF", made["AttachmentID"]):
        file = api.get(f"{path}/Attachments/{name}")
        assert (file.content, file.headers["Content-Type"]) == (b"%PDF", "application/pdf")
    assert bills.read(path.split("/")[1])["HasAttachments"] is True


def test_the_same_name_takes_the_place_of_the_other(api, path):
    first = attach(api, path, "a.pdf").json()["Attachments"][0]
    second = attach(api, path, "a.pdf", b"other", "POST").json()["Attachments"][0]
    assert (second["AttachmentID"], second["ContentLength"]) == (first["AttachmentID"], 5)
    assert api.get(f"{path}/Attachments/a.pdf").content == b"other"
    assert len(api.get(f"{path}/Attachments").json()["Attachments"]) == 1


def test_ten_files_are_enough(api, path):
    for number in range(10):
        assert attach(api, path, f"{number}.pdf").status_code == 200
    assert "10 attachments" in words(attach(api, path, "11.pdf"))[0]
    assert attach(api, path, "3.pdf", b"again").status_code == 200


def test_files_may_be_larger_than_other_bodies_but_not_without_end(api, path):
    assert attach(api, path, "large.pdf", b"x" * 4_000_000).status_code == 200
    assert attach(api, path, "larger.pdf", b"x" * 10_000_001).status_code == 413
    assert api.put("Invoices", {"Url": "x" * 3_600_000}).status_code == 413
    assert words(attach(api, path, "empty.pdf", b""))


def test_orders_and_credit_notes_have_files_too(api, orders, bills):
    order = orders.make()["PurchaseOrderID"]
    assert attach(api, f"PurchaseOrders/{order}", "a.pdf").status_code == 200
    assert orders.read(order)["HasAttachments"] is True
    about = {**bills.defaults, "Type": "ACCPAYCREDIT"}
    credit = api.put("CreditNotes", about).json()["CreditNotes"][0]["CreditNoteID"]
    assert attach(api, f"CreditNotes/{credit}", "a.pdf").status_code == 200
    assert attach(api, "Invoices/nobody", "a.pdf").status_code == 404
    assert api.get(f"PurchaseOrders/{order}/Attachments/b.pdf").status_code == 404


def test_files_have_a_scope_of_their_own(api, path, connect):
    attach(api, path, "a.pdf")
    reader = connect(scope="openid accounting.attachments.read")
    assert reader.get(f"{path}/Attachments").status_code == 200
    assert attach(reader, path, "b.pdf").status_code == 401
    assert reader.get(path).status_code == 401
    assert connect(scope="openid accounting.invoices").get(f"{path}/Attachments").status_code == 401


def test_files_move_with_their_organisation(api, path, control, connect):
    attach(api, path, "a.pdf")
    control("POST", "organisations/1/rotate")
    assert connect().get(f"{path}/Attachments/a.pdf").content == b"%PDF"
