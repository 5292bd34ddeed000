"""Makes up the documents of one organisation, through the same rules as everybody else's."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

from backoffice.sandbox.xero.call import Call
from backoffice.sandbox.xero.credit_notes import CreditNotes
from backoffice.sandbox.xero.days import today
from backoffice.sandbox.xero.invoices import Invoices
from backoffice.sandbox.xero.organisations import Organisation
from backoffice.sandbox.xero.payments import Payments
from backoffice.sandbox.xero.prepaid import Overpayments, Prepayments
from backoffice.sandbox.xero.purchase_orders import PurchaseOrders
from backoffice.sandbox.xero.shelf import Json, Row, Selection
from backoffice.sandbox.xero.world import World

DAY_MS = 86_400_000
EXPENSES = (
    ("Monthly rent", 1, "1850.00", "469"),
    ("Electricity", 1, "312.45", "445"),
    ("Courier, 12 parcels", 12, "8.95", "425"),
    ("Cleaning, per visit", 4, "65.00", "408"),
    ("Copy paper, per box", 6, "31.90", "461"),
)
SERVICES = (("Delivery and set-up", 2, "95.00", "210"), ("Repair, per hour", 3, "88.50", "200"))


@dataclass
class PaperSower:
    """A few believable orders, bills, invoices and payments; or any number of plain ones."""

    world: World
    organisation: Organisation
    chance: random.Random

    def sow(self, count: int) -> None:
        """So many documents: first those of a small business at work, then more of the same."""
        if not count or not self._suppliers or not self._customers:
            return
        recipes = (
            self._open_bill_with_credit,
            self._paid_bill,
            self._ordered,
            self._paid_invoice,
            self._open_invoice,
            self._part_paid_bill,
            self._draft_order,
            self._draft_bill,
            self._overpaid,
            self._paid_ahead,
        )
        made = 0
        for recipe in recipes:
            if made < count:
                made += recipe()
        self.bills((count - made) // 2)
        self.invoices(count - made - (count - made) // 2)

    def bills(self, count: int) -> None:
        """Approved bills of the past year, unpaid."""
        for ago in self._days(count):
            self._bill(ago, self.chance.choice(self._suppliers), "AUTHORISED")

    def invoices(self, count: int) -> None:
        for ago in self._days(count):
            self._invoice(ago, self.chance.choice(self._customers), "AUTHORISED")

    # --- what a small business has lying about; each says how many documents it made ----------------

    def _open_bill_with_credit(self) -> int:
        supplier = self._suppliers[0]
        bill = self._bill(18, supplier, "AUTHORISED")
        call = self._call(11)
        line = {"Description": "Two boxes returned", "Quantity": 2, "UnitAmount": "31.90", "AccountCode": "461"}
        note = {**self._about(11, supplier), "Type": "ACCPAYCREDIT", "CreditNoteNumber": "CR-1042", "LineItems": [line]}
        credit = CreditNotes().save(call, {**note, "Status": "AUTHORISED"}, None)
        used = {"Invoice": {"InvoiceID": bill.id}, "Amount": credit.body["Total"], "Date": self._day(11)}
        CreditNotes().use(self._call(10), credit, used)
        return 2

    def _paid_bill(self) -> int:
        self._pay(self._bill(40, self._suppliers[-1], "AUTHORISED"), 22)
        return 1

    def _part_paid_bill(self) -> int:
        self._pay(self._bill(55, self._pick(self._suppliers, 1), "AUTHORISED"), 30, share=2)
        return 1

    def _draft_bill(self) -> int:
        self._bill(1, self._pick(self._suppliers, 2), "DRAFT")
        return 1

    def _ordered(self) -> int:
        self._order(9, self._suppliers[0], "AUTHORISED")
        return 1

    def _draft_order(self) -> int:
        self._order(2, self._pick(self._suppliers, 1), "DRAFT")
        return 1

    def _open_invoice(self) -> int:
        self._invoice(12, self._customers[0], "AUTHORISED")
        return 1

    def _paid_invoice(self) -> int:
        self._pay(self._invoice(35, self._customers[-1], "AUTHORISED"), 15)
        return 1

    def _overpaid(self) -> int:
        """By a customer who paid twice."""
        paid = {**self._about(14, self._customers[0]), "Type": "RECEIVE-OVERPAYMENT", "Total": "45.00"}
        Overpayments().save(self._call(14), {**paid, "Reference": "Paid twice"}, None)
        return 1

    def _paid_ahead(self) -> int:
        paid = {**self._about(6, self._suppliers[0]), "Type": "SPEND-PREPAYMENT", "Total": "250.00"}
        Prepayments().save(self._call(6), {**paid, "Reference": "Deposit"}, None)
        return 1

    # --- single documents -------------------------------------------------------------------------

    def _bill(self, ago: int, supplier: Row, status: str) -> Row:
        about = {
            **self._about(ago, supplier),
            "Type": "ACCPAY",
            "InvoiceNumber": f"{self.chance.randrange(10_000, 99_999)}",
            "DueDate": self._day(ago - 20),
            "LineItems": [*self._item_lines("IsPurchased", 1), self._line(EXPENSES)],
        }
        return Invoices().save(self._call(ago), {**about, "Status": status}, None)

    def _invoice(self, ago: int, customer: Row, status: str) -> Row:
        about = {
            **self._about(ago, customer),
            "Type": "ACCREC",
            "Reference": f"Order {self.chance.randrange(100, 999)}",
            "DueDate": self._day(ago - 20),
            "LineItems": [*self._item_lines("IsSold", 2), self._line(SERVICES)],
        }
        return Invoices().save(self._call(ago), {**about, "Status": status}, None)

    def _order(self, ago: int, supplier: Row, status: str) -> Row:
        about = {
            **self._about(ago, supplier),
            "DeliveryDate": self._day(ago - 14),
            "LineItems": [*self._item_lines("IsPurchased", 2), self._line(EXPENSES)],
        }
        return PurchaseOrders().save(self._call(ago), {**about, "Status": status}, None)

    def _pay(self, document: Row, ago: int, share: int = 1) -> None:
        """All of it, or one part of so many."""
        payment = {
            "Invoice": {"InvoiceID": document.id},
            "Account": {"AccountID": self._bank},
            "Amount": round(document.body["AmountDue"] / share, 2),
            "Date": self._day(ago),
        }
        Payments().save(self._call(ago), payment, None)

    def _about(self, ago: int, contact: Row) -> Json:
        return {"Contact": {"ContactID": contact.id}, "Date": self._day(ago)}

    def _line(self, choices: tuple[tuple[str, int, str, str], ...]) -> Json:
        text, quantity, price, account = self.chance.choice(choices)
        return {"Description": text, "Quantity": quantity, "UnitAmount": price, "AccountCode": account}

    def _item_lines(self, flag: str, count: int) -> list[Json]:
        codes = [body["Code"] for body in self._items if body[flag]]
        chosen = self.chance.sample(codes, min(count, len(codes)))
        return [{"ItemCode": code, "Quantity": self.chance.randrange(1, 12)} for code in chosen]

    # --- what there is to choose from -------------------------------------------------------------

    @cached_property
    def _suppliers(self) -> list[Row]:
        return self._contacts("IsSupplier")

    @cached_property
    def _customers(self) -> list[Row]:
        return self._contacts("IsCustomer")

    @cached_property
    def _items(self) -> list[Json]:
        shelf = self.world.shelf(self.organisation.id, "Items")
        return [body for body in shelf.bodies(Selection(order="number"), 200) if not body["IsTrackedAsInventory"]]

    @cached_property
    def _bank(self) -> str:
        named = Selection(["name = ?"], ["business bank account"])
        return self.world.shelf(self.organisation.id, "Accounts").rows(named, 1)[0].id

    def _contacts(self, flag: str) -> list[Row]:
        """Only those who have the role already: a first document would change them."""
        chosen = Selection(["status = 'ACTIVE'", f"json_extract(body, '$.{flag}')"], order="name, id")
        return self.world.shelf(self.organisation.id, "Contacts").rows(chosen, 50)

    def _pick(self, contacts: list[Row], at: int) -> Row:
        return contacts[at % len(contacts)]

    def _call(self, ago: int) -> Call:
        moment = self.world.clock.milliseconds() - ago * DAY_MS - self.chance.randrange(DAY_MS // 24)
        return Call(
            self.world, self.organisation, "Xero", {"unitdp": "4"}, by_person=True, moment=moment, ids=self._new_id
        )

    def _new_id(self) -> str:
        return str(uuid.UUID(int=self.chance.getrandbits(128), version=4))

    def _day(self, ago: int) -> str:
        start = date.fromisoformat(today(self.organisation, self.world.clock.milliseconds()))
        return (start - timedelta(days=ago)).isoformat()

    def _days(self, count: int) -> list[int]:
        return sorted((self.chance.randrange(1, 365) for _ in range(count)), reverse=True)
