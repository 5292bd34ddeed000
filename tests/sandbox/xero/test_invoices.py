"""Sales invoices and bills: numbers, statuses, contacts, currencies, locks, lists."""

from __future__ import annotations

import pytest

from tests.sandbox.xero.callers import words

INVALID = "Invoice not of valid status for modification"


def test_what_comes_back(bills):
    made = bills.make(
        Date="2026-09-14", InvoiceNumber="S-9", Reference="PO-1", Url="https://here.example/1", Status="AUTHORISED"
    )
    assert (made["Type"], made["InvoiceNumber"], made["Reference"]) == ("ACCPAY", "S-9", "PO-1")
    assert (made["SubTotal"], made["TotalTax"], made["Total"]) == (100, 15, 115)
    assert (made["AmountDue"], made["AmountPaid"], made["AmountCredited"]) == (115, 0, 0)
    assert (made["Payments"], made["CreditNotes"]) == ([], [])
    assert (made["DateString"], made["DueDateString"]) == ("2026-09-14T00:00:00", "2026-12-20T00:00:00")
    assert made["UpdatedDateUTCString"].endswith("Z")
    assert made["UpdatedDateUTC"].endswith("+0000)/")
    assert made["Url"] == "https://here.example/1"
    assert bills.read("s-9")["InvoiceID"] == made["InvoiceID"]


def test_what_an_invoice_needs(bills):
    assert "Type" in words(bills.api.put("Invoices", {k: v for k, v in bills.defaults.items() if k != "Type"}))[0]
    assert words(bills.put(LineItems=[])) == ["One or more line items must be specified."]
    for status in ("SUBMITTED", "AUTHORISED"):
        assert "DueDate" in words(bills.put(DueDate="", Status=status))[0]
    assert bills.make(DueDate="")["Status"] == "DRAFT"
    bare = {"Quantity": 1, "UnitAmount": 5}
    assert len(words(bills.put(LineItems=[bare], Status="AUTHORISED"))) == 2
    assert bills.make(LineItems=[bare])["SubTotal"] == 5
    assert words(bills.put(Url="ftp://here")) == ["The Url must be a valid absolute URL."]
    assert words(bills.put(Status="PAID"))
    minus = {"Description": "Less", "UnitAmount": -200, "AccountCode": "300"}
    assert words(bills.put(LineItems=[minus], Status="AUTHORISED"))


def test_the_number_of_a_sale_is_unique_and_given_if_missing(sales):
    first = sales.make()["InvoiceNumber"]
    second = sales.make()["InvoiceNumber"]
    assert first.startswith("INV-")
    assert first != second
    sales.make(InvoiceNumber="S-1")
    assert words(sales.put(InvoiceNumber="s-1")) == ["Invoice # must be unique."]
    rewritten = sales.one(sales.put("post", InvoiceNumber="S-1", Reference="again"))
    assert (rewritten["Reference"], len(sales.listed(InvoiceNumbers="S-1"))) == ("again", 1)


def test_the_number_of_a_bill_is_its_suppliers(bills, control):
    one, two = bills.make(InvoiceNumber="77"), bills.make(InvoiceNumber="77")
    assert one["InvoiceID"] != two["InvoiceID"]
    other = control("POST", "organisations/1/contacts", {"Name": "Kowhai Ltd"})[0]["ContactID"]
    posted = bills.one(bills.put("post", InvoiceNumber="77", Contact={"ContactID": other}))
    assert posted["InvoiceID"] in (one["InvoiceID"], two["InvoiceID"])
    assert posted["Contact"]["Name"] == "Kowhai Ltd"
    assert "InvoiceNumber" not in bills.make()


@pytest.mark.parametrize(
    ("path", "last"),
    [
        (["SUBMITTED", "DRAFT", "AUTHORISED", "VOIDED"], "AUTHORISED"),
        (["SUBMITTED", "AUTHORISED", "AUTHORISED"], "DELETED"),
        (["AUTHORISED"], "DRAFT"),
        (["AUTHORISED"], "PAID"),
        (["DELETED"], "DRAFT"),
        (["SUBMITTED", "DELETED"], "AUTHORISED"),
    ],
)
def test_how_the_status_moves(bills, path, last):
    key = bills.make()["InvoiceID"]
    for status in path:
        assert bills.one(bills.change(key, Status=status))["Status"] == status
    assert words(bills.change(key, Status=last)) == [INVALID]


def test_a_draft_is_not_voided(bills):
    assert words(bills.change(bills.make()["InvoiceID"], Status="VOIDED")) == [INVALID]


def test_an_approved_bill_can_be_edited_until_it_is_paid(bills):
    key = bills.make(Status="AUTHORISED")["InvoiceID"]
    now = bills.one(bills.change(key, LineItems=[{**bills.defaults["LineItems"][0], "UnitAmount": 20}]))
    assert (now["Total"], now["AmountDue"]) == (230, 230)


def test_the_answer_to_voiding_still_shows_what_was_due(bills):
    key = bills.make(Status="AUTHORISED")["InvoiceID"]
    assert bills.one(bills.change(key, Status="VOIDED"))["AmountDue"] == 115
    assert bills.read(key)["AmountDue"] == 0


def test_an_invoice_of_nothing_is_paid_at_once(sales):
    free = {"Description": "Free", "UnitAmount": 0, "AccountCode": "200"}
    made = sales.make(LineItems=[free], Status="AUTHORISED")
    assert (made["Status"], made["FullyPaidOnDate"]) == ("PAID", made["Date"])


def test_a_bare_name_makes_a_contact(bills, api):
    made = bills.make(Contact={"Name": "Nobody yet"})
    (contact,) = api.get("Contacts", where='Name=="Nobody yet"').json()["Contacts"]
    assert contact["ContactID"] == made["Contact"]["ContactID"]
    assert "at least 1 of the following" in words(bills.put(Contact={}))[0]


def test_what_is_said_about_the_contact_changes_it(bills, api, supplier):
    bills.make(Contact={"ContactID": supplier, "EmailAddress": "new@b.example"})
    assert api.get(f"Contacts/{supplier}").json()["Contacts"][0]["EmailAddress"] == "new@b.example"


def test_an_archived_contact_gets_no_new_bills(bills, control, supplier):
    made = bills.make(Status="AUTHORISED")
    control("POST", f"organisations/1/contacts/{supplier}/archive")
    assert "archived" in words(bills.put())[0]
    assert bills.change(made["InvoiceID"], Status="VOIDED").status_code == 200


def test_the_first_document_gives_the_role_without_a_stamp(bills, sales, api, supplier):
    def contact():
        return api.get(f"Contacts/{supplier}").json()["Contacts"][0]

    before = contact()
    assert (before["IsSupplier"], before["IsCustomer"]) == (False, False)
    assert bills.make()["Contact"]["IsSupplier"] is True
    assert sales.make()["Contact"]["IsCustomer"] is True
    now = contact()
    assert (now["IsSupplier"], now["IsCustomer"], now["UpdatedDateUTC"]) == (True, True, before["UpdatedDateUTC"])


def test_a_contact_with_a_new_name_has_it_on_its_documents(bills, control, supplier):
    made = bills.make(InvoiceNumber="77")
    control("PATCH", f"organisations/1/contacts/{supplier}", {"Name": "Kowhai Press"})
    (listed,) = bills.listed(page=1, InvoiceNumbers="77")
    assert listed["Contact"]["Name"] == "Kowhai Press"
    assert listed["UpdatedDateUTC"] == made["UpdatedDateUTC"]
    assert [one["InvoiceID"] for one in bills.listed(searchTerm="kowhai")] == [made["InvoiceID"]]


def test_other_currencies_need_a_subscription(bills, control):
    assert words(bills.put(CurrencyCode="USD")) == ["The organisation is not subscribed to the currency USD."]
    control("POST", "organisations/1/currencies", {"Code": "USD"})
    made = bills.make(CurrencyCode="USD", Date="2026-09-14")
    assert 0.5 < made["CurrencyRate"] < 0.7
    assert bills.make(CurrencyCode="USD", CurrencyRate=0.6123456)["CurrencyRate"] == 0.6123456
    assert bills.make(CurrencyRate=7)["CurrencyRate"] == 1


@pytest.mark.parametrize("field", ["PeriodLockDate", "EndOfYearLockDate"])
def test_a_locked_period_takes_and_gives_nothing(bills, orders, control, api, field):
    old = bills.make(Date="2026-03-31")
    body = control("PATCH", "organisations/1", {field: "2026-03-31"})
    assert body[field] == "/Date(1774915200000+0000)/"
    assert api.get("Organisation").json()["Organisations"][0][field] == body[field]
    for refused in (bills.put(Date="2026-03-31"), bills.change(old["InvoiceID"], Date="2026-05-01")):
        assert "lock date" in words(refused)[0]
    assert bills.make(Date="2026-04-01")
    assert orders.make(Date="2026-03-31")
    control("PATCH", "organisations/1", {field: None})
    assert bills.change(old["InvoiceID"], Date="2026-05-01").status_code == 200


def test_without_a_page_lines_are_left_out(bills):
    key = bills.make(InvoiceNumber="77")["InvoiceID"]
    assert bills.listed(IDs=key)[0]["LineItems"] == []
    assert len(bills.listed(IDs=key, page=1)[0]["LineItems"]) == 1
    assert "LineItems" not in bills.listed(IDs=key, page=1, summaryOnly="true")[0]


def test_filters(bills, sales, supplier, control):
    control("POST", "organisations/1/currencies", {"Code": "USD"})
    one = bills.make(InvoiceNumber="77", Date="2026-01-05", Url="https://here.example/1")["InvoiceID"]
    two = bills.make(InvoiceNumber="78", Date="2026-02-05", Status="AUTHORISED", CurrencyCode="USD")["InvoiceID"]
    three = sales.make(InvoiceNumber="79", Date="2026-03-05", Reference="needle")["InvoiceID"]

    def ids(**params):
        return [found["InvoiceID"] for found in bills.listed(**{"page": 1, "ContactIDs": supplier, **params})]

    assert ids(order="Date ASC") == [one, two, three]
    assert ids(order="Date DESC") == [three, two, one]
    assert ids(InvoiceNumbers="77,79", order="InvoiceNumber") == [one, three]
    assert ids(Statuses="AUTHORISED,VOIDED") == [two]
    assert ids(IDs=f"{one},{two}", order="Date") == [one, two]
    assert ids(searchTerm="NEEDLE") == [three]
    assert ids(createdByMyApp="true", order="Date") == [one, two, three]
    assert ids(where='Type=="ACCPAY" AND InvoiceNumber=="77"') == [one]
    assert ids(where=f'Type=="ACCPAY" AND Contact.ContactID==Guid("{supplier}")', order="Date") == [one, two]
    assert ids(where="Date >= DateTime(2026,2,5) AND Date < DateTime(2026,3,5)") == [two]
    assert ids(where='Url=="https://here.example/1"') == [one]
    assert ids(where='AmountDue > 100 AND CurrencyCode=="USD"') == [two]
    assert ids(where='Contact.Name=="rata press" AND Status=="draft"', order="Date") == [one, three]


def test_what_a_person_made_is_not_the_apps(bills, control):
    (made,) = control("POST", "organisations/1/invoices", bills.defaults)
    found = [one["InvoiceID"] for one in bills.listed(page=1, createdByMyApp="True")]
    assert made["InvoiceID"] not in found


def test_modified_since(bills, control, sandbox):
    key = bills.make()["InvoiceID"]
    future = {"If-Modified-Since": "2100-01-01T00:00:00"}
    assert bills.listed(future, page=1) == []
    before = bills.read(key)["UpdatedDateUTC"]
    sandbox.world.clock.advance(60)
    bills.one(bills.change(key, Status="DELETED"))
    assert bills.read(key)["UpdatedDateUTC"] > before
    assert bills.listed(page=1, IDs=key)[0]["Status"] == "DELETED"


def test_a_refused_bill_is_echoed(bills):
    body = bills.put(InvoiceNumber="77", Contact={"ContactID": "nobody"}).json()["Elements"][0]
    assert body["InvoiceID"] == "00000000-0000-0000-0000-000000000000"
    assert (body["InvoiceNumber"], body["HasErrors"]) == ("77", True)
    assert body["LineItems"][0]["ValidationErrors"] == []


def test_a_person_approves_voids_deletes_and_edits(bills, orders, control):
    key = bills.make(DueDate="")["InvoiceID"]
    path = f"organisations/1/invoices/{key}"
    assert control("POST", f"{path}/submit", {"DueDate": "2026-12-01"})["Status"] == "SUBMITTED"
    assert control("POST", f"{path}/approve")["Status"] == "AUTHORISED"
    assert control("PATCH", path, {"Reference": "by hand"})["Reference"] == "by hand"
    assert control("POST", f"{path}/void")["Status"] == "VOIDED"
    order = orders.make(Status="AUTHORISED")["PurchaseOrderID"]
    assert control("POST", f"organisations/1/purchaseorders/{order}/bill")["Status"] == "BILLED"
    control("DELETE", f"organisations/1/purchaseorders/{order}")
    assert orders.read(order)["Status"] == "DELETED"


def test_documents_need_their_scope(connect):
    for scope, status in (
        ("accounting.settings", 401),
        ("accounting.invoices.read", 200),
        ("accounting.payments", 401),
    ):
        api = connect(scope=f"openid {scope}")
        assert api.get("Invoices", page=1).status_code == status
        assert api.get("PurchaseOrders").status_code == status
        assert api.put("Invoices", {}).status_code == 401


def test_an_older_app_has_one_scope_for_all_of_it(connect, control):
    control("PATCH", "settings", {"scope_mode": "legacy"})
    api = connect(scope="openid accounting.transactions")
    for kind in ("Invoices", "PurchaseOrders", "CreditNotes", "Payments", "Prepayments"):
        assert api.get(kind).status_code == 200
    assert api.get("Contacts").status_code == 401


@pytest.mark.parametrize(
    "line",
    [
        {"UnitAmount": "NaN"},
        {"UnitAmount": 1e30},
        {"Quantity": "many"},
        {"UnitAmount": float("inf")},
        {"Tracking": "x"},
    ],
)
def test_numbers_that_are_none(bills, line):
    """`requests` would not send NaN, so it goes as text where it is one."""
    sent = {key: "Infinity" if value == float("inf") else value for key, value in line.items()}
    answer = bills.put(LineItems=[{"Description": "Paper", **sent}])
    assert (answer.status_code, answer.json()["Type"]) == (400, "PostDataInvalidException")


def test_a_day_beyond_all_calendars(bills):
    assert bills.put(Date="/Date(99999999999999999)/").json()["Type"] == "PostDataInvalidException"
    assert bills.put(Date="/Date(-99999999999999999)/").json()["Type"] == "PostDataInvalidException"


def test_an_office_at_hand(sandbox, bills):
    key = bills.make(Status="AUTHORISED")["InvoiceID"]
    sandbox.office("invoices").pay(key, {"Amount": 15})
    assert bills.read(key)["AmountDue"] == 100


def test_a_bill_is_made_once_under_its_key(bills):
    """What is sent again after a cut line, with the same key, makes no second bill."""
    body = {"Invoices": [bills.defaults]}
    ids = {
        bills.api.put("Invoices", body, {"Idempotency-Key": "k"}).json()["Invoices"][0]["InvoiceID"] for _ in range(3)
    }
    assert len(ids) == 1
    assert len(bills.listed(page=1)) == 1
