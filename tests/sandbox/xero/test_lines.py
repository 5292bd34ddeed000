"""Line items: rounding, tax, items, tracking, accounts; what is kept, made anew and gone."""

from __future__ import annotations

import pytest

from tests.sandbox.xero.callers import words


def line(amount="100", **more):
    return {"Description": "Paper", "Quantity": "1", "UnitAmount": amount, "AccountCode": "300", **more}


def amounts(body):
    return body["SubTotal"], body["TotalTax"], body["Total"]


def test_tax_is_rounded_on_each_line_and_then_summed(sales):
    lines = [line(one, AccountCode="200") for one in ("25.06", "25.61", "25.63")]
    assert amounts(sales.make(LineItems=lines)) == (76.30, 11.44, 87.74)


@pytest.mark.parametrize(("amount", "tax"), [("50", 6.52), ("420", 54.78), ("89", 11.61), ("541.25", 70.60)])
def test_tax_that_is_inside_of_the_amount(bills, amount, tax):
    made = bills.make(LineAmountTypes="Inclusive", LineItems=[line(amount)])
    assert (made["TotalTax"], made["Total"]) == (tax, float(amount))
    assert made["SubTotal"] == pytest.approx(float(amount) - tax)


def test_no_tax(bills):
    made = bills.make(LineAmountTypes="NoTax", LineItems=[line()])
    assert amounts(made) == (100, 0, 100)
    assert made["LineItems"][0]["TaxType"] == "NONE"


def test_the_kind_of_amounts_can_change_without_the_lines(bills):
    made = bills.make(LineItems=[line("115")])
    now = bills.one(bills.change(made["InvoiceID"], LineAmountTypes="Inclusive"))
    assert amounts(now) == (100, 15, 115)
    assert now["LineItems"][0]["LineItemID"] == made["LineItems"][0]["LineItemID"]


def test_half_a_cent_goes_up(bills):
    made = bills.make(LineItems=[line("1.005", Quantity="1", TaxType="NONE"), line("-1.005", TaxType="NONE")])
    assert [one["LineAmount"] for one in made["LineItems"]] == [1.01, -1.01]


def test_four_places_only_when_asked_for_and_only_on_invoices(bills, orders):
    fine = bills.make(LineItems=[line("1.23456", Quantity=1000)])
    assert fine["LineItems"][0]["UnitAmount"] == 1.2346
    assert fine["SubTotal"] == 1234.6
    assert bills.read(fine["InvoiceID"], unitdp=2)["LineItems"][0]["UnitAmount"] == 1.23
    assert bills.listed(page=1, unitdp=2)[-1]["LineItems"][0]["UnitAmount"] == 1.23
    coarse = bills.make(params={"unitdp": 2}, LineItems=[line("1.23456", Quantity=1000)])
    assert bills.read(coarse["InvoiceID"])["SubTotal"] == 1230
    assert orders.make(LineItems=[line("1.23456", Quantity=1000)])["SubTotal"] == 1230


def test_a_discount_is_for_sales_only(sales, bills, orders):
    made = sales.make(LineItems=[line("10", Quantity=3, DiscountRate=10, AccountCode="200")])
    assert (made["SubTotal"], made["TotalDiscount"], made["IsDiscounted"]) == (27, 3, True)
    assert words(bills.put(LineItems=[line(DiscountRate=10)]))
    assert orders.make(LineItems=[line(DiscountRate=10)])["SubTotal"] == 90


def test_an_amount_that_does_not_match_is_refused(bills):
    assert words(bills.put(LineItems=[line("10", Quantity=3, LineAmount=31)])) == [
        "The line total 31.00 does not match the expected line total 30.00"
    ]
    assert bills.make(LineItems=[line("10", Quantity=3, LineAmount=30)])["SubTotal"] == 30
    alone = {"Description": "Paper", "Quantity": 4, "LineAmount": 10, "AccountCode": "300"}
    assert bills.make(LineItems=[alone])["LineItems"][0]["UnitAmount"] == 2.5
    assert words(bills.put(Total=114)) == ["The invoice total does not equal the sum of the lines."]
    assert bills.make(Total=115)["Total"] == 115


def test_tax_may_be_a_little_off(bills):
    assert bills.make(LineItems=[line(TaxAmount=15.01)])["Total"] == 115.01
    assert words(bills.put(LineItems=[line(TaxAmount=20)]))
    assert bills.make(LineItems=[line(TaxType="GSTONIMPORTS", TaxAmount=20)])["TotalTax"] == 20


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("nope", "Account code 'nope' is not a valid code for this document."),
        ("610", "Account code '610' is not a valid code for this document."),
        ("800", "Account code '800' is not a valid code for this document."),
        ("820", "Account code '820' is not a valid code for this document."),
        (
            "469",
            "Account code '469' has been archived, or has been deleted. Each line item must reference a valid account.",
        ),
    ],
)
def test_accounts_that_a_line_may_not_have(bills, orders, control, code, message):
    for account in control("GET", "organisations/1/accounts"):
        if account.get("Code") == "469":
            control("POST", f"organisations/1/accounts/{account['AccountID']}/archive")
    assert words(bills.put(LineItems=[line(AccountCode=code)])) == [message]
    assert words(orders.put(LineItems=[line(AccountCode=code)])) == [message]


def test_a_bank_account_takes_no_lines(bills, control):
    bank = next(one for one in control("GET", "organisations/1/accounts") if one["Type"] == "BANK")
    alone = {"Description": "Paper", "UnitAmount": 1, "AccountID": bank["AccountID"]}
    assert "is not a valid code" in words(bills.put(LineItems=[alone]))[0]


@pytest.mark.parametrize(
    ("code", "tax_type"), [("300", "OUTPUT2"), ("200", "INPUT2"), ("300", "nope"), ("300", "RRINPUT"), ("", "OUTPUT2")]
)
def test_taxes_that_a_line_may_not_bear(bills, code, tax_type):
    assert words(bills.put(LineItems=[line(AccountCode=code, TaxType=tax_type)])) == [
        f"The TaxType code '{tax_type}' does not exist or cannot be used for this type of transaction."
    ]


def test_tax_comes_from_the_account_unless_the_contact_has_its_own(bills, control, supplier):
    assert bills.make()["LineItems"][0]["TaxType"] == "INPUT2"
    control("PATCH", f"organisations/1/contacts/{supplier}", {"AccountsPayableTaxType": "NONE"})
    assert bills.make()["LineItems"][0]["TaxType"] == "NONE"


def test_an_item_fills_what_the_line_does_not_say(bills, sales, orders, control):
    about = {"Code": "P-1", "Name": "Paper", "Description": "For sale", "PurchaseDescription": "Bought"}
    bought = {"UnitPrice": 1.2345, "AccountCode": "300", "TaxType": "INPUT2"}
    sold = {"UnitPrice": 2.5, "AccountCode": "200", "TaxType": "OUTPUT2"}
    item = control("POST", "organisations/1/items", {**about, "PurchaseDetails": bought, "SalesDetails": sold})[0]
    (one,) = bills.make(LineItems=[{"ItemCode": "p-1", "Quantity": 2}])["LineItems"]
    assert (one["ItemCode"], one["Description"], one["UnitAmount"], one["LineAmount"]) == (
        "P-1",
        "Bought",
        1.2345,
        2.47,
    )
    assert (one["AccountCode"], one["TaxType"]) == ("300", "INPUT2")
    assert one["Item"] == {"ItemID": item["ItemID"], "Name": "Paper", "Code": "P-1"}
    (two,) = sales.make(LineItems=[{"ItemCode": "P-1", "Description": "Mine", "UnitAmount": 3}])["LineItems"]
    assert (two["Description"], two["UnitAmount"], two["AccountCode"]) == ("Mine", 3, "200")
    assert orders.make(LineItems=[{"ItemCode": "P-1"}])["LineItems"][0]["UnitAmount"] == 1.23
    assert words(bills.put(LineItems=[{"ItemCode": "nope"}])) == ["Item code 'nope' is not valid for this document."]


def test_tracking_by_name_or_id_comes_back_with_all_four_keys(bills, api):
    region, department = api.get("TrackingCategories").json()["TrackingCategories"][::-1]
    by_id = {
        "TrackingCategoryID": department["TrackingCategoryID"],
        "TrackingOptionID": department["Options"][0]["TrackingOptionID"],
    }
    made = bills.make(LineItems=[line(Tracking=[{"Name": "region", "Option": "NORTH"}, by_id])])
    first, second = made["LineItems"][0]["Tracking"]
    assert (first["Name"], first["Option"], first["TrackingCategoryID"]) == (
        "Region",
        "North",
        region["TrackingCategoryID"],
    )
    assert (second["Name"], second["Option"]) == (department["Name"], department["Options"][0]["Name"])


def test_tracking_that_is_refused(bills, api):
    def told(*tracking):
        return words(bills.put(LineItems=[line(Tracking=list(tracking))]))

    north = {"Name": "Region", "Option": "North"}
    assert told({"Name": "Region", "Option": "Up"}) == ["The tracking option Up is not active."]
    assert told({"Name": "Site", "Option": "North"}) == ["The tracking category Site is not active."]
    assert told(north, {"Name": "Region", "Option": "South"})
    assert told(north, {"Name": "Department", "Option": "Sales"}, {"Name": "Site", "Option": "X"})
    region = next(one for one in api.get("TrackingCategories").json()["TrackingCategories"] if one["Name"] == "Region")
    option = next(one["TrackingOptionID"] for one in region["Options"] if one["Name"] == "North")
    api.post(f"TrackingCategories/{region['TrackingCategoryID']}/Options/{option}", {"Status": "ARCHIVED"})
    assert told(north) == ["The tracking option North is not active."]


def test_lines_with_an_id_stay_and_others_are_made_anew(bills):
    made = bills.make(LineItems=[line("1", Description="One"), line("2", Description="Two")])
    first, second = (one["LineItemID"] for one in made["LineItems"])
    now = bills.one(
        bills.change(
            made["InvoiceID"],
            LineItems=[{"LineItemID": second, "Quantity": 5}, line("3", Description="Three")],
        )
    )
    assert [(one["Description"], one["LineAmount"]) for one in now["LineItems"]] == [("Two", 10), ("Three", 3)]
    ids = [one["LineItemID"] for one in now["LineItems"]]
    assert ids[0] == second
    assert ids[1] not in (first, second)
    again = bills.one(bills.change(made["InvoiceID"], LineItems=[line("2", Description="Two")]))
    assert again["LineItems"][0]["LineItemID"] != second


def test_a_line_that_only_says_something(bills):
    made = bills.make(LineItems=[line(), {"Description": "Thank you"}], Status="AUTHORISED")
    assert made["LineItems"][1]["LineAmount"] == 0
    assert made["Total"] == 115


def test_stock_moves_with_approved_documents(bills, sales, control):
    about = {"Code": "T-1", "InventoryAssetAccountCode": "630", "PurchaseDetails": {"COGSAccountCode": "310"}}
    item = control("POST", "organisations/1/items", {**about, "SalesDetails": {"AccountCode": "200"}})[0]["ItemID"]

    def held():
        body = control("GET", f"organisations/1/items/{item}")
        return body["QuantityOnHand"], body["TotalCostPool"]

    stocked = {"ItemCode": "T-1", "Description": "Tile", "UnitAmount": 2, "Quantity": 10}
    assert words(bills.put(LineItems=[{**stocked, "AccountCode": "300"}]))
    draft = bills.make(LineItems=[stocked])
    assert draft["LineItems"][0]["AccountCode"] == "630"
    assert held() == (0, 0)
    bills.one(bills.change(draft["InvoiceID"], Status="AUTHORISED"))
    assert held() == (10, 20)
    sold = sales.make(LineItems=[{**stocked, "Quantity": 4, "UnitAmount": 5}], Status="AUTHORISED")
    assert held() == (6, 12)
    assert "not enough" in words(sales.put(LineItems=[{**stocked, "Quantity": 7}], Status="AUTHORISED"))[0]
    sales.one(sales.change(sold["InvoiceID"], Status="VOIDED"))
    assert held()[0] == 10


def test_another_item_on_a_line_brings_its_own_defaults_and_a_deleted_one_stays_named(bills, control):
    for code in ("P-1", "P-2"):
        bought = {"UnitPrice": 5, "AccountCode": "300"}
        control("POST", "organisations/1/items", {"Code": code, "PurchaseDescription": code, "PurchaseDetails": bought})
    made = bills.make(LineItems=[{"ItemCode": "P-1", "Quantity": 2}])
    key = made["LineItems"][0]["LineItemID"]
    now = bills.one(bills.change(made["InvoiceID"], LineItems=[{"LineItemID": key, "ItemCode": "P-2"}]))
    assert (now["LineItems"][0]["Description"], now["LineItems"][0]["Quantity"]) == ("P-2", 2)
    control("DELETE", f"organisations/1/items/{now['LineItems'][0]['Item']['ItemID']}")
    again = bills.one(bills.change(made["InvoiceID"], LineItems=[{"LineItemID": key, "Quantity": 3}]))
    assert (again["LineItems"][0]["ItemCode"], again["LineItems"][0]["LineAmount"]) == ("P-2", 15)
