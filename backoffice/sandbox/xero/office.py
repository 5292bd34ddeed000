"""What a person does in Xero's own screens: more than the API allows, under the same rules for names and numbers."""

from __future__ import annotations

import json
from collections.abc import Iterable

from backoffice.sandbox.xero import answers, embedded
from backoffice.sandbox.xero.allocations import Allocated
from backoffice.sandbox.xero.balance import open_amount
from backoffice.sandbox.xero.call import Call
from backoffice.sandbox.xero.organisations import Organisation
from backoffice.sandbox.xero.resource import Resource
from backoffice.sandbox.xero.resources import RESOURCES
from backoffice.sandbox.xero.shelf import Json, Row, Selection, Shelf
from backoffice.sandbox.xero.tracking import TrackingCategories
from backoffice.sandbox.xero.world import World

KINDS = ("contacts", "items", "accounts", "taxrates", "trackingcategories", "currencies")
PAPERS = ("purchaseorders", "invoices", "creditnotes")
MONEY = ("payments", "batchpayments", "overpayments", "prepayments")
# What a payment calls the documents of each kind.
PAYABLE = {
    "invoices": "Invoice",
    "creditnotes": "CreditNote",
    "overpayments": "Overpayment",
    "prepayments": "Prepayment",
}
# These two follow from documents in Xero, and move without a new stamp.
FLAGS = ("IsSupplier", "IsCustomer")
STATUS_FIELDS = {"contacts": "ContactStatus"}
ACTIONS = {"submit": "SUBMITTED", "approve": "AUTHORISED", "void": "VOIDED", "bill": "BILLED", "delete": "DELETED"}
PARAMETERS = {"unitdp": "4", "includearchived": "true"}


class MissingError(Exception):
    """There is no such kind, row or option."""


class Office:
    """The screens of one organisation, for one kind of data."""

    def __init__(self, world: World, organisation: Organisation, kind: str) -> None:
        if kind not in (*KINDS, *PAPERS, *MONEY):
            raise MissingError(kind)
        self.kind = kind
        self.resource: Resource = RESOURCES[kind]
        self.shelf: Shelf = world.shelf(organisation.id, self.resource.name)
        self._world = world
        self._organisation = organisation

    def row(self, key: str) -> Row:
        found = self.shelf.get(key)
        if found is None:
            raise MissingError(key)
        return found

    def add(self, fields: Json) -> Json:
        """Raises InvalidError, with Xero's words."""
        with self._world.store.transaction():
            row = self.resource.save(self._call(), fields, None)
            return self._flagged(row, fields)

    def edit(self, key: str, fields: Json) -> Json:
        """Change what is given; an archived row too. Raises InvalidError."""
        with self._world.store.transaction():
            row = self.row(key)
            if any(field not in FLAGS for field in fields):
                row = self.resource.save(self._call(), fields, row)
            return self._flagged(row, fields)

    def edit_silently(self, key: str, fields: Json) -> Json:
        """The same, and nothing there says when. Raises InvalidError."""
        with self._world.store.transaction():
            before = self.row(key)
            body = self.edit(key, fields)
            row = self.row(key)
            row.updated = before.updated
            row.body = {**body, **{name: before.body[name] for name in ("UpdatedDateUTC",) if name in before.body}}
            self.shelf.put(row)
            return row.body

    def merge(self, key: str, into: str) -> Json:
        """Make two contacts one: the first is archived for good, and its documents are the other's from now on.

        Raises InvalidError.
        """
        if self.kind != "contacts" or key == into:
            raise MissingError("merge")
        with self._world.store.transaction():
            kept = self.row(into)
            merged = self.row(self.archive(key)["ContactID"])
            merged.body["MergedToContactID"] = kept.id
            self.shelf.put(merged)
            embedded.moved(self._call(), merged.body, kept.body)
            self._flagged(kept, {flag: True for flag in FLAGS if merged.body.get(flag)})
            return merged.body

    def archive(self, key: str) -> Json:
        return self.edit(key, {self._status: "ARCHIVED"})

    def restore(self, key: str) -> Json:
        return self.edit(key, {self._status: "ACTIVE"})

    def act(self, key: str, action: str, fields: Json | None = None) -> Json:
        """Submit, approve, void, bill or delete a document. Raises InvalidError."""
        if self.kind not in PAPERS or action not in ACTIONS:
            raise MissingError(action)
        body = self.row(key).body
        given = {"DueDate": body["Date"]} if action == "approve" and "DueDate" not in body else {}
        return self.edit(key, {**given, **(fields or {}), "Status": ACTIONS[action]})

    def pay(self, key: str, fields: Json | None = None) -> Json:
        """Pay a document, or pay back what is left of a credit. Raises InvalidError.

        All of it, today, from the first bank account, unless Amount, Date, Account, Reference say otherwise.
        """
        if self.kind not in PAYABLE:
            raise MissingError("pay")
        named = {PAYABLE[self.kind]: {self.resource.id_key: key}}
        given = {"Amount": str(open_amount(self.row(key).body)), "Account": self._bank(), **(fields or {})}
        return Office(self._world, self._organisation, "payments").add({**given, **named})

    def allocate(self, key: str, fields: Json) -> Json:
        """Use a credit on an invoice: `Invoice` is its id; without `Amount` as much as fits. Raises InvalidError."""
        credits = self._credits()
        invoice = self._world.shelf(self._organisation.id, "Invoices").get(fields.get("Invoice", ""))
        if invoice is None:
            raise MissingError("invoice")
        with self._world.store.transaction():
            row = self.row(key)
            amount = fields.get("Amount", float(min(open_amount(row.body), open_amount(invoice.body))))
            return credits.use(self._call(), row, {"Invoice": {"InvoiceID": invoice.id}, "Amount": amount})

    def deallocate(self, key: str, allocation: str) -> Json:
        with self._world.store.transaction():
            return self._credits().give_back(self._call(), self.row(key), allocation)

    def delete(self, key: str) -> None:
        """A deleted document stays and says so, a payment too; everything else is gone."""
        if self.kind in PAPERS:
            self.act(key, "delete")
        elif self.kind in ("payments", "batchpayments"):
            self.edit(key, {"Status": "DELETED"})
        elif not self.shelf.remove(key):
            raise MissingError(key)

    def bulk_edit(self, fields: Json, ids: Iterable[str] | None = None, first: int = -1) -> int:
        """The same change to many; `{n}` in a text becomes 1, 2, 3 and so on. Says how many."""
        with self._world.store.transaction():
            keys = list(ids) if ids is not None else [row.id for row in self.shelf.rows(Selection(order="id"), first)]
            for number, key in enumerate(keys, 1):
                self.edit(key, {name: _numbered(value, number) for name, value in fields.items()})
        return len(keys)

    def option(self, key: str, option: str | None, fields: Json | None) -> None:
        """Add an option to a tracking category, change it, or with no fields remove it. Raises RefusalError."""
        category = self.resource
        if not isinstance(category, TrackingCategories):
            raise MissingError("options")
        call = self._call(json.dumps(fields or {}).encode())
        if option is None:
            category.add_options(call, key)
        elif fields is None:
            category.delete_option(call, key, option)
        else:
            category.update_option(call, key, option)

    def _credits(self) -> Allocated:
        if not isinstance(self.resource, Allocated):
            raise MissingError("allocations")
        return self.resource

    def _bank(self) -> Json:
        accounts = self._world.shelf(self._organisation.id, "Accounts")
        found = Selection(["json_extract(body, '$.Type') = 'BANK'", "status = 'ACTIVE'"], order="name, id")
        row = next(iter(accounts.rows(found, 1)), None)
        return {"AccountID": row.id} if row else {}

    @property
    def _status(self) -> str:
        return STATUS_FIELDS.get(self.kind, "Status")

    def _call(self, data: bytes = b"") -> Call:
        return Call(self._world, self._organisation, "Xero", PARAMETERS, data=data, by_person=True)

    def _flagged(self, row: Row, fields: Json) -> Json:
        flags = {name: bool(fields[name]) for name in FLAGS if name in fields and self.kind == "contacts"}
        if flags:
            row.body.update(flags)
            self.shelf.put(row)
        return row.body


def messages(refusal: answers.RefusalError) -> list[str]:
    """The words of a refusal by the API, for a page or a control."""
    body = json.loads(refusal.body) if refusal.body.startswith("{") else {}
    elements = body.get("Elements", [])
    found = [error["Message"] for element in elements for error in element.get("ValidationErrors", [])]
    return found or [body.get("Message", "Not found.")]


def _numbered(value: object, number: int) -> object:
    return value.replace("{n}", str(number)) if isinstance(value, str) else value
