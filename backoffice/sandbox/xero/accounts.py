"""Accounts: the chart of accounts. One at a time; an archive says nothing but its status."""

from __future__ import annotations

from backoffice.sandbox.xero import answers
from backoffice.sandbox.xero.call import Call, Reply, new_id
from backoffice.sandbox.xero.fields import Choice, Flag, InvalidError, Text, read_fields, too_long, without_empty
from backoffice.sandbox.xero.resource import Resource
from backoffice.sandbox.xero.shelf import Json, Row, Selection, dump
from backoffice.sandbox.xero.where import Column, json_column

CLASSES = {
    "ASSET": ("BANK", "CURRENT", "FIXED", "INVENTORY", "NONCURRENT", "PREPAYMENT"),
    "EQUITY": ("EQUITY",),
    "EXPENSE": ("DEPRECIATN", "DIRECTCOSTS", "EXPENSE", "OVERHEADS", "SUPERANNUATIONEXPENSE", "WAGESEXPENSE"),
    "LIABILITY": (
        "CURRLIAB",
        "LIABILITY",
        "PAYGLIABILITY",
        "SUPERANNUATIONLIABILITY",
        "TERMLIAB",
        "WAGESPAYABLELIABILITY",
        "PAYG",
    ),
    "REVENUE": ("OTHERINCOME", "REVENUE", "SALES"),
}
CLASS_OF = {kind: name for name, kinds in CLASSES.items() for kind in kinds}
FIELDS = {
    "Code": Text(10),
    "Name": Text(150),
    "Type": Choice(*CLASS_OF),
    "Status": Choice("ACTIVE", "ARCHIVED", "DELETED"),
    "Description": Text(4000),
    "BankAccountNumber": Text(),
    "BankAccountType": Choice("BANK", "CREDITCARD", "PAYPAL", "NONE", ""),
    "CurrencyCode": Text(3),
    "TaxType": Text(),
    "EnablePaymentsToAccount": Flag,
    "ShowInExpenseClaims": Flag,
    "AddToWatchlist": Flag,
}


class Accounts(Resource):
    """`/Accounts`: the archived ones are in the list without being asked for; a deleted one is gone."""

    name = "Accounts"
    id_key = "AccountID"
    writing = frozenset({"accounting.settings"})
    verbs = {"GET": "read_list", "GET/id": "read_one", "PUT": "create", "POST/id": "update", "DELETE/id": "delete"}
    fields = FIELDS
    columns = {
        "AccountID": Column("id", "guid"),
        "Name": Column("name", "text", folded=True),
        "Code": Column("number", "text", folded=True),
        "Status": Column("status", "text"),
        "UpdatedDateUTC": Column("updated", "date"),
        "EnablePaymentsToAccount": json_column("EnablePaymentsToAccount", "flag"),
        **{
            field: json_column(field)
            for field in (
                "Type",
                "Class",
                "TaxType",
                "SystemAccount",
                "Description",
                "BankAccountNumber",
                "CurrencyCode",
            )
        },
    }
    default_order = "number, id"
    dated = True

    def create(self, call: Call) -> Reply:
        return self.write(call, lambda element: None, only=1)

    def update(self, call: Call, key: str) -> Reply:
        row = self._row(call, key)
        return self.write(call, lambda element: row, only=1)

    def delete(self, call: Call, key: str) -> Reply:
        row = self._row(call, key)
        if row.body.get("SystemAccount"):
            raise answers.invalid([self.refused(row.body, ["System accounts cannot be deleted."])])
        self.updated(call, row.body)
        call.shelf(self.name).remove(row.id)
        return self.reply(call, [dump({**row.body, "Status": "DELETED"})])

    def save(self, call: Call, element: Json, old: Row | None) -> Row:
        sent = read_fields(element, FIELDS)
        row_id = old.id if old else new_id()
        body = without_empty({**(old.body if old else _blank(row_id)), **sent})
        body["Class"] = CLASS_OF.get(body.get("Type", ""), "")
        problems = self._wrong(call, sent, body, old) + self._taken(call, row_id, body)
        if problems:
            raise InvalidError(*problems)
        row = make_row(body, self.updated(call, body))
        call.shelf(self.name).put(row)
        return row

    def _wrong(self, call: Call, sent: Json, body: Json, old: Row | None) -> list[str]:
        problems = too_long(sent, FIELDS)
        if not body.get("Name"):
            problems.append("Please enter a name.")
        if not body.get("Type"):
            problems.append("Account type is required.")
        if not body.get("Code") and body.get("Type") != "BANK":
            problems.append("Please enter a code.")
        if body.get("Type") == "BANK" and not body.get("BankAccountNumber"):
            problems.append("Bank account number is required.")
        if body.get("TaxType") and call.shelf("TaxRates").get(body["TaxType"]) is None:
            problems.append(f"The TaxType code '{body['TaxType']}' does not exist.")
        if old and sent.get("Status", old.status) != old.status:
            problems += _wrong_change(sent, old)
        return problems

    def _taken(self, call: Call, row_id: str, body: Json) -> list[str]:
        shelf, problems = call.shelf(self.name), []
        same_code = shelf.by_number(body["Code"]) if body.get("Code") else None
        if same_code and same_code.id != row_id:
            problems.append("Please enter a unique Code.")
        named = Selection(["name = ?"], [body.get("Name", "").casefold()])
        if any(row.id != row_id for row in shelf.rows(named)):
            problems.append("Please enter a unique Name.")
        return problems

    def _row(self, call: Call, key: str) -> Row:
        row = self.find(call, key)
        if row is None:
            raise answers.not_found()
        return row


def make_row(body: Json, updated: int) -> Row:
    search = f"{body.get('Code', '')}\n{body['Name']}"
    return Row(body["AccountID"], updated, body["Status"], body["Name"], body.get("Code"), search, body)


def _blank(row_id: str) -> Json:
    return {
        "AccountID": row_id,
        "Status": "ACTIVE",
        "TaxType": "NONE",
        "EnablePaymentsToAccount": False,
        "ShowInExpenseClaims": False,
        "BankAccountType": "",
        "ReportingCode": "",
        "HasAttachments": False,
        "AddToWatchlist": False,
    }


def _wrong_change(sent: Json, old: Row) -> list[str]:
    problems = []
    if set(sent) != {"Status"}:
        problems.append("The status of an account cannot be changed together with other fields.")
    if old.body.get("SystemAccount"):
        problems.append("System accounts cannot be archived.")
    return problems
