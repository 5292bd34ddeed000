"""Currencies: the base currency alone, until a person adds another and so has a plan that knows several."""

from __future__ import annotations

from backoffice.sandbox.xero.call import Call
from backoffice.sandbox.xero.fields import InvalidError, Text, read_fields
from backoffice.sandbox.xero.rates import FOR_A_DOLLAR
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
        sent = read_fields(element, FIELDS)
        code = sent.get("Code", "").upper()
        if code not in FOR_A_DOLLAR or not (call.by_person or several(call)):
            raise InvalidError(f"The organisation is not subscribed to the currency {code}.")
        row = make_row({"Code": code, "Description": sent.get("Description", code)}, call.now)
        call.shelf(self.name).put(row)
        return row

    def refused(self, element: Json, messages: list[str]) -> Json:
        """A currency has no id that could be zero."""
        echo = super().refused(element, messages)
        return {**echo, "Code": element.get("Code", "")}


def several(call: Call) -> bool:
    """Whether the plan knows more than one currency."""
    return call.shelf("Currencies").count() > 1


def make_row(body: Json, updated: int) -> Row:
    return Row(body["Code"].lower(), updated, "ACTIVE", body["Description"], body["Code"], body["Code"], body)
