"""Line items: their defaults from item and account, their amounts and tax, and what is wrong with them.

Each line is rounded by itself, half up, and its tax too; the totals are sums of what is rounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from backoffice.sandbox.xero.call import Call
from backoffice.sandbox.xero.fields import Number, Parts, Text, too_long, without_empty
from backoffice.sandbox.xero.money import CENT, ZERO, exact, shown, to_places
from backoffice.sandbox.xero.shelf import Json
from backoffice.sandbox.xero.tracked import TRACKING, tracking_of

LINE = {
    "LineItemID": Text(),
    "Description": Text(4000),
    "Quantity": Number,
    "UnitAmount": Number,
    "ItemCode": Text(30),
    "AccountCode": Text(10),
    "AccountID": Text(),
    "TaxType": Text(),
    "TaxAmount": Number,
    "LineAmount": Number,
    "DiscountRate": Number,
    "DiscountAmount": Number,
    "Tracking": Parts(TRACKING),
}
LineItems = Parts(LINE)
KEPT = (
    "Description",
    "Quantity",
    "UnitAmount",
    "ItemCode",
    "AccountCode",
    "TaxType",
    "DiscountRate",
    "DiscountAmount",
    "Tracking",
)
CLOSED = ("DEBTORS", "CREDITORS", "GST")
APPLIES = {
    "ASSET": "CanApplyToAssets",
    "EQUITY": "CanApplyToEquity",
    "EXPENSE": "CanApplyToExpenses",
    "LIABILITY": "CanApplyToLiabilities",
    "REVENUE": "CanApplyToRevenue",
}
# These taxes are typed in by hand: nothing can be computed that they would have to match.
BY_HAND = ("GSTONIMPORTS",)


@dataclass(frozen=True)
class Side:
    """Sales or purchases: where an item keeps its defaults for it, and which taxes a line without account may bear."""

    details: str
    description: str
    applies: tuple[str, ...]


SALES = Side("SalesDetails", "Description", ("CanApplyToRevenue",))
PURCHASES = Side("PurchaseDetails", "PurchaseDescription", ("CanApplyToExpenses", "CanApplyToAssets"))


@dataclass(frozen=True)
class Pricing:
    """What a document tells its lines: side, decimal places, `Exclusive`, `Inclusive` or `NoTax`, the contact's tax."""

    side: Side
    places: int
    kind: str = "Exclusive"
    discounts: bool = False
    contact_tax: str = ""


def make_lines(call: Call, pricing: Pricing, sent: list[Json], old: list[Json]) -> tuple[list[Json], list[str]]:
    """The lines as they will be stored, and what is wrong with them.

    Those that name a LineItemID keep it and what they do not say anew; the others are new; those not sent are gone.
    """
    before = {one["LineItemID"]: one for one in old}
    made, problems = [], []
    for one in sent:
        line = _Line(call, pricing, one, before.get(one.get("LineItemID", "").lower(), {}))
        made.append(line.built())
        problems += line.problems
    return made, problems


def repriced(line: Json) -> Json:
    """A stored line as if it were sent again without its amounts."""
    return {key: line[key] for key in ("LineItemID", *KEPT) if key in line}


class _Line:
    """One line in the making."""

    def __init__(self, call: Call, pricing: Pricing, sent: Json, old: Json) -> None:
        self.books, self.new_id = call.books, call.ids
        self.pricing, self.old = pricing, old
        self.problems = too_long(sent, LINE)
        self.given = without_empty({**{key: old[key] for key in KEPT if key in old}, **sent})
        self.says = without_empty(sent)

    def built(self) -> Json:
        item = self._item()
        account = self._account(item)
        self._tax_type(account)
        quantity, unit = self._quantity_and_unit()
        amount = self._amount(quantity, unit)
        tax = self._tax(amount)
        tracking, wrong = tracking_of(self.books.categories, self.given.get("Tracking", []))
        self.problems += wrong
        shown_item = {"Item": {key: item[key] for key in ("ItemID", "Name", "Code") if key in item}} if item else {}
        return {
            **{key: self.given[key] for key in ("ItemCode", "Description") if key in self.given},
            "UnitAmount": shown(unit),
            **({"TaxType": self.given["TaxType"]} if "TaxType" in self.given else {}),
            "TaxAmount": shown(tax),
            "LineAmount": shown(amount),
            **({"AccountCode": account["Code"]} if account and "Code" in account else {}),
            **shown_item,
            "Tracking": tracking,
            "Quantity": shown(quantity),
            **{key: self.given[key] for key in ("DiscountRate", "DiscountAmount") if self.given.get(key)},
            "LineItemID": self.old.get("LineItemID") or self.new_id(),
            **({"AccountID": account["AccountID"]} if account else {}),
        }

    def _item(self) -> Json | None:
        """The item; of a newly named one what the line does not say itself."""
        code = self.given.get("ItemCode")
        if not code:
            return None
        item = self.books.item(code)
        same = str(code).casefold() == str(self.old.get("ItemCode", "")).casefold()
        if item is None:
            if not same:
                self.problems.append(f"Item code '{code}' is not valid for this document.")
            return self.old.get("Item") if same else None
        side = item.get(self.pricing.side.details, {})
        if not same:
            defaults = {
                "Description": item.get(self.pricing.side.description),
                "UnitAmount": side.get("UnitPrice"),
                "AccountCode": side.get("AccountCode"),
                "TaxType": side.get("TaxType"),
            }
            self.given = {**self.given, **without_empty(defaults), **self.says, "ItemCode": item["Code"]}
        if item.get("IsTrackedAsInventory") and self.pricing.side is PURCHASES:
            self._stocked(item["InventoryAssetAccountCode"])
        return item

    def _stocked(self, code: str) -> None:
        """What is bought into stock is posted to the account of the stock."""
        if self.says.get("AccountCode", code) != code:
            self.problems.append(f"A tracked inventory item must be posted to its inventory asset account {code}.")
        self.given["AccountCode"] = code

    def _account(self, item: Json | None) -> Json | None:
        by_id = self.says.get("AccountID") if "AccountCode" not in self.says else None
        code = self.given.get("AccountCode")
        if not by_id and not code:
            return None
        account = self.books.account_by_id(by_id) if by_id else self.books.account(str(code))
        code = account.get("Code", code) if account else code or by_id
        if account and account["Status"] != "ACTIVE":
            self.problems.append(
                f"Account code '{code}' has been archived, or has been deleted."
                " Each line item must reference a valid account."
            )
        elif account is None or account["Type"] == "BANK" or account.get("SystemAccount") in CLOSED:
            self.problems.append(f"Account code '{code}' is not a valid code for this document.")
        return account

    def _tax_type(self, account: Json | None) -> None:
        if self.pricing.kind == "NoTax":
            self.given["TaxType"] = "NONE"
            return
        moved = account is not None and self.old and account["AccountID"] != self.old.get("AccountID")
        if account is not None and (moved or "TaxType" not in self.given) and "TaxType" not in self.says:
            self.given["TaxType"] = self.pricing.contact_tax or account.get("TaxType", "NONE")
        tax_type = self.given.get("TaxType")
        if tax_type and not self._bears(tax_type, account):
            self.problems.append(
                f"The TaxType code '{tax_type}' does not exist or cannot be used for this type of transaction."
            )

    def _bears(self, tax_type: str, account: Json | None) -> bool:
        rate = self.books.tax_rate(tax_type)
        if rate is None or rate["Status"] != "ACTIVE":
            return False
        wanted = (APPLIES[account["Class"]],) if account else self.pricing.side.applies
        return any(rate.get(one, False) for one in wanted)

    def _quantity_and_unit(self) -> tuple[Decimal, Decimal]:
        priced = "UnitAmount" in self.given or "LineAmount" in self.given
        quantity = to_places(exact(self.given.get("Quantity", 1 if priced else 0)), 4)
        unit = self.given.get("UnitAmount")
        if unit is None:
            unit = exact(self.given.get("LineAmount", 0)) / quantity if quantity else ZERO
        return quantity, to_places(exact(unit), self.pricing.places)

    def _amount(self, quantity: Decimal, unit: Decimal) -> Decimal:
        rate, off = exact(self.given.get("DiscountRate", 0)), exact(self.given.get("DiscountAmount", 0))
        if (rate or off) and not self.pricing.discounts:
            self.problems.append("Discounts can only be applied to sales invoices.")
        if not 0 <= rate <= 100:
            self.problems.append("The discount rate must be between 0 and 100.")
        amount = to_places(quantity * unit * (1 - rate / 100) - off)
        sent = self.says.get("LineAmount")
        if sent is not None and "UnitAmount" in self.given and to_places(exact(sent)) != amount:
            self.problems.append(
                f"The line total {to_places(exact(sent))} does not match the expected line total {amount}"
            )
        return to_places(exact(sent)) if sent is not None and "UnitAmount" not in self.given else amount

    def _tax(self, amount: Decimal) -> Decimal:
        """Computed, or as sent if that is near enough."""
        tax_type = self.given.get("TaxType")
        found = self.books.tax_rate(tax_type) if tax_type else None
        rate = exact(found["EffectiveRate"]) / 100 if found and self.pricing.kind != "NoTax" else ZERO
        tax = to_places(amount * rate / (1 + rate) if self.pricing.kind == "Inclusive" else amount * rate)
        if "TaxAmount" not in self.says or self.pricing.kind == "NoTax":
            return tax
        sent = to_places(exact(self.says["TaxAmount"]))
        if tax_type not in BY_HAND and abs(sent - tax) > max(abs(tax) / 10, 5 * CENT):
            self.problems.append(f"The tax amount {sent} is too far from the expected tax amount {tax}.")
        return sent
