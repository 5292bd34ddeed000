"""Currencies: the base currency alone, since the played plans know no second one."""

from __future__ import annotations

from backoffice.sandbox.xero.call import Call
from backoffice.sandbox.xero.fields import InvalidError, Text, read_fields
from backoffice.sandbox.xero.resource import Resource
from backoffice.sandbox.xero.shelf import Json, Row
from backoffice.sandbox.xero.where import Column, json_column

FIELDS = {"Code": Text(3), "Description": Text()}


class Currencies(Resource):
    """`/Currencies`."""

    name = "Currencies"
    id_key = "Code"
    writing = frozenset({"accounting.settings"})
    verbs = {"GET": "read_list", "PUT": "create"}
    fields = FIELDS
    columns = {"Code": json_column("Code"), "Description": Column("name", "text", folded=True)}

    def save(self, call: Call, element: Json, old: Row | None) -> Row:
        code = read_fields(element, FIELDS).get("Code", "")
        raise InvalidError(f"The organisation is not subscribed to the currency {code}.")


def make_row(body: Json, updated: int) -> Row:
    return Row(body["Code"].lower(), updated, "ACTIVE", body["Description"], body["Code"], body["Code"], body)
