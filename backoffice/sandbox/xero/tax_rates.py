"""Tax rates: those of the country, and a company's own under TAX001 and so on."""

from __future__ import annotations

from backoffice.sandbox.xero.call import Call, Reply
from backoffice.sandbox.xero.fields import Choice, Flag, InvalidError, Number, Parts, Text, read_fields, rounded
from backoffice.sandbox.xero.resource import Resource
from backoffice.sandbox.xero.shelf import Json, Row, Selection
from backoffice.sandbox.xero.where import Column, json_column

COMPONENT = {"Name": Text(), "Rate": Number, "IsCompound": Flag, "IsNonRecoverable": Flag}
FIELDS = {
    "Name": Text(50),
    "TaxType": Text(),
    "TaxComponents": Parts(COMPONENT),
    "Status": Choice("ACTIVE", "DELETED", "ARCHIVED", "PENDING"),
    "ReportTaxType": Text(),
}
APPLIES = tuple(f"CanApplyTo{what}" for what in ("Assets", "Equity", "Expenses", "Liabilities", "Revenue"))


class TaxRates(Resource):
    """`/TaxRates`: keyed by TaxType; nothing says when one changed."""

    name = "TaxRates"
    id_key = "TaxType"
    writing = frozenset({"accounting.settings"})
    verbs = {"GET": "read_list", "GET/id": "read_one", "PUT": "create", "POST": "update_all"}
    fields = FIELDS
    columns = {
        "Name": Column("name", "text", folded=True),
        "TaxType": json_column("TaxType"),
        "Status": Column("status", "text"),
        "EffectiveRate": json_column("EffectiveRate", "number"),
        **{field: json_column(field, "flag") for field in APPLIES},
    }
    default_order = "name, id"

    def update_all(self, call: Call) -> Reply:
        return self.write(call, lambda element: self._match(call, element))

    def _match(self, call: Call, element: Json) -> Row:
        sent = read_fields(element, FIELDS)
        shelf = call.shelf(self.name)
        row = shelf.get(sent["TaxType"]) if sent.get("TaxType") else shelf.by_name(sent.get("Name", ""))
        if row is None:
            raise InvalidError("The tax rate could not be found.")
        return row

    def save(self, call: Call, element: Json, old: Row | None) -> Row:
        sent = read_fields(element, FIELDS)
        tax_type = old.body["TaxType"] if old else self._next_type(call)
        body = {**(old.body if old else _blank()), **sent, "TaxType": tax_type}
        problems = self._wrong(call, body)
        if problems:
            raise InvalidError(*problems)
        body |= rates(body["TaxComponents"])
        row = make_row(body, call.now)
        call.shelf(self.name).put(row)
        return row

    def refused(self, element: Json, messages: list[str]) -> Json:
        """A tax rate has no id that could be zero."""
        echo = super().refused(element, messages)
        if "TaxType" not in element:
            del echo["TaxType"]
        return echo

    def _wrong(self, call: Call, body: Json) -> list[str]:
        problems = []
        if not body.get("Name"):
            problems.append("Tax rate name is required.")
        if not body.get("TaxComponents"):
            problems.append("Tax rates must have at least one component.")
        named = Selection(["name = ?", "status <> 'DELETED'"], [body.get("Name", "").casefold()])
        if any(row.body["TaxType"] != body["TaxType"] for row in call.shelf(self.name).rows(named)):
            problems.append(f"A tax rate with the name {body['Name']} already exists.")
        return problems

    def _next_type(self, call: Call) -> str:
        own = call.shelf(self.name).count(Selection(["id LIKE 'tax0%'"]))
        return f"TAX{own + 1:03d}"


def rates(components: list[Json]) -> Json:
    """What the components add up to; a compound one is taken of the others too."""
    plain = sum(one.get("Rate", 0.0) for one in components if not one.get("IsCompound"))
    compound = sum(one.get("Rate", 0.0) for one in components if one.get("IsCompound"))
    effective = rounded(plain + compound * (1 + plain / 100), 4)
    return {"DisplayTaxRate": effective, "EffectiveRate": effective}


def make_row(body: Json, updated: int) -> Row:
    return Row(body["TaxType"].lower(), updated, body["Status"], body["Name"], None, body["Name"], body)


def _blank() -> Json:
    return {"Status": "ACTIVE", **dict.fromkeys(APPLIES, True)}
