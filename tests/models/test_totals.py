"""Totals: as Xero's own examples have them, with the properties of a sum, and as the played Xero works them out."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from random import Random
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from backoffice.models import Bill, CreditNote, Invoice, PurchaseOrder
from backoffice.models.totals import CENT, HUNDRED, Amount, Totals, Treatment, half_up, line_amount, totals
from backoffice.sandbox.xero.server import Sandbox

ONE, NONE, GST = Decimal(1), Decimal(0), Decimal(15)
PRICES = st.decimals(-10_000, 10_000, places=4)
QUANTITIES = st.decimals(-1000, 1000, places=4)
DISCOUNTS = st.decimals(0, 100, places=2)
RATES = st.sampled_from([Decimal(each) for each in ("0", "5", "8.875", "10", "12.5", "15", "20")])
TREATMENTS = st.sampled_from(list(Treatment))
AMOUNTS = st.builds(Amount, st.decimals(-10_000, 10_000, places=2), st.decimals(-2000, 2000, places=2))


def line(treatment: Treatment, price: str, quantity: str = "1", discount: str = "0", places: int = 4) -> Amount:
    return line_amount(treatment, Decimal(quantity), Decimal(price), Decimal(discount), GST, places)


@pytest.mark.parametrize(("amount", "tax"), [("50", "6.52"), ("420", "54.78"), ("89", "11.61"), ("541.25", "70.60")])
def test_tax_within_an_amount(amount: str, tax: str) -> None:
    found = line(Treatment.INCLUSIVE, amount)
    assert found == Amount(Decimal(amount), Decimal(tax))
    assert totals(Treatment.INCLUSIVE, [found]) == Totals(Decimal(amount) - Decimal(tax), Decimal(tax), Decimal(amount))


def test_tax_is_rounded_line_by_line_and_then_added_up() -> None:
    lines = [line(Treatment.EXCLUSIVE, price) for price in ("25.06", "25.61", "25.63")]
    assert totals(Treatment.EXCLUSIVE, lines) == Totals(Decimal("76.30"), Decimal("11.44"), Decimal("87.74"))


@pytest.mark.parametrize(
    ("price", "quantity", "places", "amount"),
    [
        ("1.2345", "100", 4, "123.45"),
        ("1.2345", "100", 2, "123.00"),
        ("1.235", "100", 2, "124.00"),
        ("-1.235", "100", 2, "-124.00"),
        ("0.005", "1", 4, "0.01"),
        ("-0.005", "1", 4, "-0.01"),
        ("3.3333", "3", 4, "10.00"),
        ("9999999.9999", "9999.9999", 4, "99999998999.00"),
    ],
)
def test_a_price_is_rounded_first_and_a_half_goes_away_from_zero(
    price: str, quantity: str, places: int, amount: str
) -> None:
    assert line(Treatment.NONE, price, quantity, places=places) == Amount(Decimal(amount), Decimal("0.00"))


def test_an_order_keeps_two_decimals_of_a_price_and_the_others_four() -> None:
    assert [kind.price_places for kind in (PurchaseOrder, Bill, Invoice, CreditNote)] == [2, 4, 4, 4]


def test_nothing_comes_to_nothing() -> None:
    for treatment in Treatment:
        assert totals(treatment, []) == Totals(*[Decimal("0.00")] * 3)


# --- properties -------------------------------------------------------------------------------------


@given(TREATMENTS, st.lists(AMOUNTS, max_size=8))
@settings(deadline=None, max_examples=60)
def test_they_are_the_sums_of_the_lines(treatment: Treatment, lines: list[Amount]) -> None:
    found = totals(treatment, lines)
    assert found.total == found.sub_total + found.tax
    assert found.tax == sum(each.tax for each in lines)
    shown = found.total if treatment is Treatment.INCLUSIVE else found.sub_total
    assert shown == sum(each.amount for each in lines)


@given(TREATMENTS, st.lists(AMOUNTS, max_size=8), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=40)
def test_the_order_of_lines_does_not_matter(treatment: Treatment, lines: list[Amount], chance: Random) -> None:
    shuffled = chance.sample(lines, len(lines))
    assert totals(treatment, shuffled) == totals(treatment, lines)


@given(TREATMENTS, QUANTITIES, PRICES, DISCOUNTS, RATES, st.sampled_from([2, 4]))
@settings(deadline=None, max_examples=100)
def test_a_line_has_two_decimals_and_its_opposite_cancels_it(
    treatment: Treatment, quantity: Decimal, price: Decimal, discount: Decimal, rate: Decimal, places: int
) -> None:
    found = line_amount(treatment, quantity, price, discount, rate, places)
    assert all(value == half_up(value) and value.as_tuple().exponent == -2 for value in (found.amount, found.tax))
    back = line_amount(treatment, -quantity, price, discount, rate, places)
    assert (back.amount, back.tax) == (-found.amount, -found.tax)
    assert totals(treatment, [found, back]).total == 0


@given(QUANTITIES, PRICES, DISCOUNTS, RATES)
@settings(deadline=None, max_examples=100)
def test_inclusive_and_exclusive_agree_within_a_cent(
    quantity: Decimal, price: Decimal, discount: Decimal, rate: Decimal
) -> None:
    """The tax on an amount is the tax in the amount with it."""
    without = line_amount(Treatment.EXCLUSIVE, quantity, price, discount, rate, 4)
    within = line_amount(Treatment.INCLUSIVE, ONE, without.amount + without.tax, NONE, rate, 4)
    assert abs(within.tax - without.tax) <= CENT


@given(TREATMENTS, QUANTITIES, PRICES, RATES)
@settings(deadline=None, max_examples=40)
def test_a_discount_of_all_leaves_nothing(
    treatment: Treatment, quantity: Decimal, price: Decimal, rate: Decimal
) -> None:
    assert line_amount(treatment, quantity, price, HUNDRED, rate, 4) == Amount(Decimal(0), Decimal(0))


# --- the played Xero --------------------------------------------------------------------------------

MANY, BATCH = 10_000, 500
RATES_THERE = {"OUTPUT2": "15", "INPUT2": "15", "NONE": "0"}
WORDS = {Treatment.EXCLUSIVE: "Exclusive", Treatment.INCLUSIVE: "Inclusive", Treatment.NONE: "NoTax"}
KINDS: tuple[tuple[type[Any], str, dict[str, str]], ...] = (
    (PurchaseOrder, "PurchaseOrders", {}),
    (Bill, "Invoices", {"Type": "ACCPAY"}),
    (Invoice, "Invoices", {"Type": "ACCREC"}),
    (CreditNote, "CreditNotes", {"Type": "ACCRECCREDIT"}),
)


class There:
    """The API of a played Xero with some tax rates more, as anybody may call it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.url = f"{sandbox.url}/api.xro/2.0"
        self.session = requests.Session()
        granted = self.session.post(f"{sandbox.url}/_sandbox/tokens", json={}, timeout=5).json()
        self.session.headers["Authorization"] = f"Bearer {granted['token']['access_token']}"
        self.session.headers["xero-tenant-id"] = granted["connections"][0]["tenantId"]
        self.session.headers["Accept"] = "application/json"
        self.contact = self._list("Contacts")[0]["ContactID"]
        self.rates = {code: Decimal(rate) for code, rate in RATES_THERE.items()}
        for rate in ("5", "8.875", "12.5", "20"):
            component = {"Name": "Local", "Rate": float(rate)}
            (made,) = self.put("TaxRates", [{"Name": f"Local {rate}", "TaxComponents": [component]}])
            self.rates[made["TaxType"]] = Decimal(rate)

    def _list(self, resource: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.session.get(f"{self.url}/{resource}", timeout=30).json()[resource]
        return rows

    def put(self, resource: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        answer = self.session.put(f"{self.url}/{resource}?unitdp=4", json={resource: rows}, timeout=60)
        assert answer.ok, answer.text[:2000]
        found: list[dict[str, Any]] = answer.json()[resource]
        return found


@pytest.fixture(scope="module")
def there() -> Iterator[There]:
    with Sandbox(contacts=1, items=0, documents=0, minute_limit=100_000, day_limit=100_000) as sandbox:
        made = There(sandbox)
        yield made
        made.session.close()


def money(value: object) -> Decimal:
    return Decimal(str(value))


def a_line(chance: Random, kind: type[Any], rates: dict[str, Decimal], treatment: Treatment) -> dict[str, Any]:
    """What somebody may write; hard cases, such as exact halves, more often than they are met."""
    places = chance.choice([0, 2, 3, 4, 4])
    sales = kind in (Invoice, CreditNote)
    taxes = [code for code in rates if code != ("INPUT2" if sales else "OUTPUT2")]
    return {
        "Quantity": chance.choice([1, 3, 0.5, chance.randint(-50_000, 10_000_000) / 10_000]),
        "UnitAmount": round(chance.choice([chance.uniform(-20, 20), chance.uniform(0, 5000)]), places),
        "DiscountRate": chance.choice([0, 0, 10, 12.5, 33.33, 100]) if kind is Invoice else 0,
        "TaxType": "NONE" if treatment is Treatment.NONE else chance.choice(taxes),
        "AccountCode": "200" if sales else "300",
    }


def computed(kind: type[Any], treatment: Treatment, rates: dict[str, Decimal], line: dict[str, Any]) -> Amount:
    quantity, price, discount = (money(line[key]) for key in ("Quantity", "UnitAmount", "DiscountRate"))
    return line_amount(treatment, quantity, price, discount, rates[line["TaxType"]], kind.price_places)


@pytest.mark.slow
def test_ten_thousand_random_documents_come_to_the_same_in_the_played_xero(there: There) -> None:
    """It works them out by itself, from the lines alone."""
    chance = Random(20261121)
    for number in range(MANY // BATCH):
        kind, resource, more = KINDS[number % len(KINDS)]
        documents: list[tuple[Treatment, list[dict[str, Any]]]] = []
        for _ in range(BATCH):
            treatment = chance.choice(list(Treatment))
            lines = [a_line(chance, kind, there.rates, treatment) for _ in range(chance.choice([1, 1, 2, 3, 7]))]
            documents.append((treatment, lines))
        about = {**more, "Contact": {"ContactID": there.contact}, "Date": "2026-11-02"}
        rows = [
            {**about, "LineAmountTypes": WORDS[treatment], "LineItems": [_sent(line) for line in lines]}
            for treatment, lines in documents
        ]
        for (treatment, lines), row in zip(documents, there.put(resource, rows), strict=True):
            amounts = [computed(kind, treatment, there.rates, line) for line in lines]
            assert [Amount(money(line["LineAmount"]), money(line["TaxAmount"])) for line in row["LineItems"]] == amounts
            found = Totals(*(money(row[key]) for key in ("SubTotal", "TotalTax", "Total")))
            assert found == totals(treatment, amounts), row


def _sent(line: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in line.items() if value or key != "DiscountRate"}
    return {"Description": "Line", **kept}
