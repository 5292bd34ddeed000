"""Makes up the data of one organisation."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass, field

from backoffice.sandbox.xero import accounts, currencies, names, tax_rates, tracking
from backoffice.sandbox.xero import contacts as contact_resource
from backoffice.sandbox.xero import items as item_resource
from backoffice.sandbox.xero.clock import ms_date
from backoffice.sandbox.xero.regions import CHART, Region, TaxLine
from backoffice.sandbox.xero.shelf import Json, Row
from backoffice.sandbox.xero.world import World

YEAR_MS = 365 * 86_400_000
TRACKING = {
    "Region": ("North", "South", "East", "West"),
    "Department": ("Administration", "Marketing", "Production", "Sales"),
}


@dataclass
class Sower:
    """Makes up contacts, items and the rest for one organisation; the same `chance` makes the same."""

    world: World
    organisation: str
    region: Region
    chance: random.Random
    now: int = field(init=False)

    def __post_init__(self) -> None:
        self.now = self.world.clock.milliseconds()

    def new_id(self) -> str:
        return str(uuid.UUID(int=self.chance.getrandbits(128), version=4))

    def stamps(self, count: int) -> list[int]:
        """Moments of the past year, oldest first."""
        return sorted(self.now - 60_000 - self.chance.randrange(YEAR_MS) for _ in range(count))

    def put(self, kind: str, rows: list[Row]) -> None:
        self.world.shelf(self.organisation, kind).put_many(rows)

    def settings(self) -> None:
        """What an organisation has before anyone enters anything."""
        self.put("TaxRates", [self._tax_rate(line) for line in self.region.tax_rates])
        self.put(
            "Accounts", [self._account(*line, at) for line, at in zip(CHART, self.stamps(len(CHART)), strict=True)]
        )
        self.put("TrackingCategories", [self._category(name, options) for name, options in TRACKING.items()])
        code = {"Code": self.region.currency, "Description": self.region.currency_name}
        self.put("Currencies", [currencies.make_row(code, self.now)])

    def contacts(self, count: int) -> None:
        """Contacts under names that are not taken yet, three of a hundred of them archived."""
        shelf = self.world.shelf(self.organisation, "Contacts")
        taken = {body["Name"].casefold() for body in shelf.bodies()}
        start, fresh = shelf.count(), names.companies(self.chance, taken)
        made = [self._contact(start + at, next(fresh), stamp) for at, stamp in enumerate(self.stamps(count))]
        self.put("Contacts", made)

    def items(self, count: int) -> None:
        start = self.world.shelf(self.organisation, "Items").count()
        self.put("Items", [self._item(start + at, stamp) for at, stamp in enumerate(self.stamps(count))])

    def _tax_rate(self, line: TaxLine) -> Row:
        code, name, components, report = line
        parts: list[Json] = [
            {"Name": part, "Rate": rate, "IsCompound": False, "IsNonRecoverable": False} for part, rate in components
        ]
        sales, purchases = "OUTPUT" in code or code == "ZERORATED", "INPUT" in code
        body = {
            "Name": name,
            "TaxType": code,
            "ReportTaxType": report,
            "CanApplyToAssets": not sales,
            "CanApplyToEquity": not sales,
            "CanApplyToExpenses": not sales,
            "CanApplyToLiabilities": True,
            "CanApplyToRevenue": not purchases and code not in ("GSTONIMPORTS", "ECACQUISITIONS", "REVERSECHARGES"),
            "Status": "ACTIVE",
            **tax_rates.rates(parts),
            "TaxComponents": parts,
        }
        return tax_rates.make_row(body, self.now)

    def _account(self, code: str, name: str, kind: str, system: str, payments: bool, at: int) -> Row:
        body: Json = {
            "AccountID": self.new_id(),
            **({"Code": code} if code else {}),
            "Name": name,
            "Status": "ACTIVE",
            "Type": kind,
            "TaxType": self._tax_type(kind),
            "Class": accounts.CLASS_OF[kind],
            "EnablePaymentsToAccount": payments,
            "ShowInExpenseClaims": kind == "OVERHEADS",
            "BankAccountType": "BANK" if kind == "BANK" else "",
            "ReportingCode": "",
            "HasAttachments": False,
            "UpdatedDateUTC": ms_date(at),
            "AddToWatchlist": False,
        }
        if system:
            body["SystemAccount"] = system
        if kind == "BANK":
            number = f"{self.chance.randrange(10**15, 10**16)}"
            body |= {"BankAccountNumber": number, "CurrencyCode": self.region.currency}
        return accounts.make_row(body, at)

    def _tax_type(self, kind: str) -> str:
        if kind == "SALES":
            return self.region.sales_tax
        if kind in ("DIRECTCOSTS", "OVERHEADS", "FIXED", "INVENTORY"):
            return self.region.purchases_tax
        return self.region.zero_sales_tax if kind == "REVENUE" else "NONE"

    def _category(self, name: str, options: tuple[str, ...]) -> Row:
        made = [{"TrackingOptionID": self.new_id(), "Name": one, "Status": "ACTIVE"} for one in options]
        body = {"Name": name, "Status": "ACTIVE", "TrackingCategoryID": self.new_id(), "Options": made}
        return tracking.make_row(body, self.now)

    def _contact(self, at: int, name: str, stamp: int) -> Row:
        chance = self.chance
        first, last = names.person(chance)
        supplier = chance.random() < 0.45
        body: Json = {
            "ContactID": self.new_id(),
            "ContactStatus": "ARCHIVED" if chance.random() < 0.03 else "ACTIVE",
            "Name": name,
        }
        if chance.random() < 0.4:
            body["ContactNumber"] = f"C{at + 1:05d}"
        if chance.random() < 0.3:
            body["AccountNumber"] = f"{self.region.country}-{chance.randrange(1000, 9999)}"
        if chance.random() < 0.7:
            body |= {"FirstName": first, "LastName": last}
        if chance.random() < 0.75:
            body["EmailAddress"] = names.email(first, last, name)
        if chance.random() < 0.25:
            body["TaxNumber"] = f"{chance.randrange(10**8, 10**9)}"
        body |= {
            "BankAccountDetails": "",
            "Addresses": self._addresses(),
            "Phones": self._phones(),
            "UpdatedDateUTC": ms_date(stamp),
            "ContactGroups": [],
            "IsSupplier": supplier,
            "IsCustomer": chance.random() < (0.2 if supplier else 0.7),
            "DefaultCurrency": self.region.currency,
            "ContactPersons": [],
            "HasAttachments": False,
            "HasValidationErrors": False,
        }
        return contact_resource.make_row({key: value for key, value in body.items() if value != ""}, stamp)

    def _addresses(self) -> list[Json]:
        street: Json = {"AddressType": "STREET"}
        if self.chance.random() < 0.6:
            street |= {
                "AddressLine1": names.street(self.chance),
                "City": self.chance.choice(self.region.cities),
                "PostalCode": f"{self.chance.randrange(1000, 9999)}",
                "Country": {"NZ": "New Zealand", "GB": "United Kingdom"}[self.region.country],
            }
        return [street, {**street, "AddressType": "POBOX"}]

    def _phones(self) -> list[Json]:
        phones: list[Json] = [{"PhoneType": kind} for kind in contact_resource.PHONE_TYPES]
        if self.chance.random() < 0.65:
            phones[1] |= {
                "PhoneNumber": f"{self.chance.randrange(200, 999)} {self.chance.randrange(1000, 9999)}",
                "PhoneAreaCode": f"{self.chance.randrange(1, 30):02d}",
                "PhoneCountryCode": self.region.dial,
            }
        return phones

    def _item(self, at: int, stamp: int) -> Row:
        name, price = names.item(self.chance, at), round(self.chance.uniform(2, 900), 2)
        body: Json = {
            "ItemID": self.new_id(),
            "Code": f"{name.split()[-1][:3].upper()}-{at + 1:04d}",
            "Name": name[:50],
            "Description": f"{name}, per piece",
            "PurchaseDescription": f"{name}, supplier's pack",
            "UpdatedDateUTC": ms_date(stamp),
            "PurchaseDetails": {
                "UnitPrice": round(price * 0.62, 4),
                "AccountCode": "300",
                "TaxType": self.region.purchases_tax,
            },
            "SalesDetails": {"UnitPrice": price, "AccountCode": "200", "TaxType": self.region.sales_tax},
            "IsTrackedAsInventory": False,
            "IsSold": True,
            "IsPurchased": True,
        }
        if self.chance.random() < 0.2:
            body = {**body, "IsSold": False}
            del body["SalesDetails"], body["Description"]
        return item_resource.make_row(body, stamp)
