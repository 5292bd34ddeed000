"""Items: what is bought and sold; POST finds its item by ItemID, then by Code."""

from __future__ import annotations

from backoffice.sandbox.xero import answers
from backoffice.sandbox.xero.call import Call, Reply, new_id
from backoffice.sandbox.xero.clock import ms_date
from backoffice.sandbox.xero.fields import (
    Flag,
    InvalidError,
    Number,
    Part,
    Text,
    read_fields,
    rounded,
    too_long,
    without_empty,
)
from backoffice.sandbox.xero.resource import Resource, load
from backoffice.sandbox.xero.shelf import Json, Row, dump
from backoffice.sandbox.xero.where import Column, json_column

SIDE = {"UnitPrice": Number, "AccountCode": Text(10), "COGSAccountCode": Text(10), "TaxType": Text()}
FIELDS = {
    "Code": Text(30),
    "InventoryAssetAccountCode": Text(10),
    "Name": Text(50),
    "IsSold": Flag,
    "IsPurchased": Flag,
    "Description": Text(4000),
    "PurchaseDescription": Text(4000),
    "PurchaseDetails": Part(SIDE),
    "SalesDetails": Part(SIDE),
}
SIDES = ("PurchaseDetails", "SalesDetails")


class Items(Resource):
    """`/Items`: always the whole list, no pages."""

    name = "Items"
    id_key = "ItemID"
    # The broad scope is known in the legacy mode only; whoever holds it may use it.
    writing = frozenset({"accounting.settings", "accounting.invoices", "accounting.transactions"})
    verbs = {
        "GET": "read_list",
        "GET/id": "read_one",
        "PUT": "create",
        "POST": "upsert",
        "POST/id": "update",
        "DELETE/id": "delete",
    }
    fields = FIELDS
    columns = {
        "ItemID": Column("id", "guid"),
        "Code": Column("number", "text", folded=True),
        "Name": json_column("Name"),
        "UpdatedDateUTC": Column("updated", "date"),
        "Description": json_column("Description"),
        "PurchaseDescription": json_column("PurchaseDescription"),
        "IsSold": json_column("IsSold", "flag"),
        "IsPurchased": json_column("IsPurchased", "flag"),
        "IsTrackedAsInventory": json_column("IsTrackedAsInventory", "flag"),
        "SalesDetails.UnitPrice": json_column("SalesDetails.UnitPrice", "number"),
        "PurchaseDetails.UnitPrice": json_column("PurchaseDetails.UnitPrice", "number"),
    }
    dated = True

    def find(self, call: Call, key: str) -> Row | None:
        shelf = call.shelf(self.name)
        return shelf.get(key) or shelf.by_number(key)

    def listed(self, text: str, call: Call) -> str:
        return text if call.places == 4 else dump(_shown(load(text), call.places))

    def detail(self, body: Json, call: Call) -> Json:
        return _shown(body, call.places)

    def written(self, row: Row, call: Call) -> Json:
        """The answer to a write has `UpdatedDateUTC` without `+0000`."""
        return {**self.detail(row.body, call), "UpdatedDateUTC": ms_date(row.updated, offset=False)}

    def upsert(self, call: Call) -> Reply:
        return self.write(call, lambda element: self._match(call, element))

    def update(self, call: Call, key: str) -> Reply:
        row = self.find(call, key)
        if row is None:
            raise answers.not_found()
        return self.write(call, lambda element: row, only=1)

    def delete(self, call: Call, key: str) -> Reply:
        if not call.shelf(self.name).remove(key):
            raise answers.not_found()
        return Reply("", 204, None)

    def _match(self, call: Call, element: Json) -> Row | None:
        sent = read_fields(element, {"ItemID": Text(), "Code": Text()})
        shelf = call.shelf(self.name)
        if sent.get("ItemID"):
            row = shelf.get(sent["ItemID"])
            if row is None:
                raise InvalidError(f"Item with ID {sent['ItemID']} could not be found.")
            return row
        return shelf.by_number(sent["Code"]) if sent.get("Code") else None

    def save(self, call: Call, element: Json, old: Row | None) -> Row:
        sent = read_fields(element, FIELDS)
        row_id = old.id if old else new_id()
        body = _merged(old.body if old else {"ItemID": row_id}, sent, call.places)
        problems = self._wrong(call, row_id, sent, body)
        if problems:
            raise InvalidError(*problems)
        row = make_row(body, self.updated(call, body))
        call.shelf(self.name).put(row)
        return row

    def _wrong(self, call: Call, row_id: str, sent: Json, body: Json) -> list[str]:
        problems = too_long(sent, FIELDS)
        if not body.get("Code"):
            return [*problems, "Item Code must be supplied."]
        same_code = call.shelf(self.name).by_number(body["Code"])
        if same_code and same_code.id != row_id:
            problems.append(f"Price List Item with Code '{body['Code']}' already exists")
        if body.get("InventoryAssetAccountCode") and not body["PurchaseDetails"].get("COGSAccountCode"):
            problems.append("COGSAccountCode must be supplied with InventoryAssetAccountCode.")
        for side in SIDES:
            problems += _wrong_side(call, sent.get(side, {}))
        return problems


def make_row(body: Json, updated: int) -> Row:
    name = body.get("Name", "")
    return Row(body["ItemID"], updated, "ACTIVE", name, body["Code"], f"{body['Code']}\n{name}", body)


def _merged(old: Json, sent: Json, places: int) -> Json:
    body = {"IsSold": True, "IsPurchased": True, **old, **sent}
    for side in SIDES:
        details = without_empty({**old.get(side, {}), **sent.get(side, {})})
        if "UnitPrice" in sent.get(side, {}):
            details["UnitPrice"] = rounded(details["UnitPrice"], places)
        body[side] = details
    if not body["IsSold"]:
        body |= {"Description": "", "SalesDetails": {}}
    if not body["IsPurchased"]:
        body |= {"PurchaseDescription": "", "PurchaseDetails": {}}
    tracked = bool(body.get("InventoryAssetAccountCode")) and bool(body["PurchaseDetails"].get("COGSAccountCode"))
    body["IsTrackedAsInventory"] = tracked
    if tracked:
        body = {"TotalCostPool": 0.0, "QuantityOnHand": 0.0, **body}
    return without_empty(body)


def _wrong_side(call: Call, side: Json) -> list[str]:
    problems = []
    for field in ("AccountCode", "COGSAccountCode"):
        code = side.get(field)
        if code and call.shelf("Accounts").by_number(code) is None:
            problems.append(f"Account code '{code}' is not a valid code for this document.")
    tax_type = side.get("TaxType")
    if tax_type and call.shelf("TaxRates").get(tax_type) is None:
        problems.append(f"The TaxType code '{tax_type}' does not exist or cannot be used for this type of transaction.")
    return problems


def _shown(body: Json, places: int) -> Json:
    """Prices are rounded when they are read as well, unless four places are asked for."""
    shown = dict(body)
    for side in SIDES:
        if "UnitPrice" in shown.get(side, {}):
            shown[side] = {**shown[side], "UnitPrice": rounded(shown[side]["UnitPrice"], places)}
    return shown
