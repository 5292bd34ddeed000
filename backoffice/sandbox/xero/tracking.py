"""Tracking categories and their options: two active categories at most, four with the archived ones."""

from __future__ import annotations

from backoffice.sandbox.xero import answers
from backoffice.sandbox.xero.call import Call, Reply, new_id
from backoffice.sandbox.xero.fields import Choice, InvalidError, Parts, Text, read_fields, too_long
from backoffice.sandbox.xero.resource import Resource, load
from backoffice.sandbox.xero.shelf import Json, Row, Selection, dump
from backoffice.sandbox.xero.where import Column

STATUS = Choice("ACTIVE", "ARCHIVED", "DELETED")
OPTION = {"Name": Text(100), "Status": STATUS}
FIELDS = {"Name": Text(100), "Status": STATUS, "Options": Parts(OPTION)}
MAX_ACTIVE, MAX_ALL = 2, 4


class TrackingCategories(Resource):
    """`/TrackingCategories` and `/TrackingCategories/{id}/Options`."""

    name = "TrackingCategories"
    id_key = "TrackingCategoryID"
    writing = frozenset({"accounting.settings"})
    verbs = {
        "GET": "read_list",
        "GET/id": "read_one",
        "PUT": "create",
        "POST/id": "update",
        "DELETE/id": "delete",
        "PUT/id/Options": "add_options",
        "POST/id/Options/id": "update_option",
        "DELETE/id/Options/id": "delete_option",
    }
    fields = FIELDS
    columns = {
        "TrackingCategoryID": Column("id", "guid"),
        "Name": Column("name", "text", folded=True),
        "Status": Column("status", "text"),
    }
    default_order = "name, id"
    archives = True

    def listed(self, text: str, call: Call) -> str:
        return dump(self.detail(load(text), call))

    def detail(self, body: Json, call: Call) -> Json:
        """Archived options are shown to those who ask for what is archived."""
        if call.flag("includeArchived"):
            return body
        return {**body, "Options": [one for one in body["Options"] if one["Status"] == "ACTIVE"]}

    def create(self, call: Call) -> Reply:
        return self.write(call, lambda element: None, only=1)

    def update(self, call: Call, key: str) -> Reply:
        row = self._row(call, key)
        return self.write(call, lambda element: row, only=1)

    def delete(self, call: Call, key: str) -> Reply:
        row = self._row(call, key)
        call.shelf(self.name).remove(row.id)
        return self.reply(call, [dump({**row.body, "Status": "DELETED"})])

    def save(self, call: Call, element: Json, old: Row | None) -> Row:
        sent = read_fields(element, FIELDS)
        row_id = old.id if old else new_id()
        blank = {"TrackingCategoryID": row_id, "Status": "ACTIVE", "Options": []}
        body = {**(old.body if old else blank), **{key: sent[key] for key in sent if key != "Options"}}
        problems = too_long(sent, FIELDS) + self._wrong(call, row_id, body)
        if problems:
            raise InvalidError(*problems)
        if old is None:
            body["Options"] = [_option(one) for one in sent.get("Options", [])]
        return self._put(call, body)

    def add_options(self, call: Call, key: str) -> Reply:
        row = self._row(call, key)
        added = []
        for element in call.elements("Options"):
            sent = read_fields(element, OPTION)
            self._check_option(row, sent, None)
            added.append(_option(sent))
            row.body["Options"].append(added[-1])
        self._put(call, row.body)
        return self._options(call, added)

    def update_option(self, call: Call, key: str, option: str) -> Reply:
        row = self._row(call, key)
        body = _find_option(row, option)
        sent = read_fields(call.elements("Options")[0], OPTION)
        self._check_option(row, {**body, **sent}, body["TrackingOptionID"])
        body.update(sent)
        self._put(call, row.body)
        return self._options(call, [body])

    def delete_option(self, call: Call, key: str, option: str) -> Reply:
        row = self._row(call, key)
        body = _find_option(row, option)
        row.body["Options"].remove(body)
        self._put(call, row.body)
        return self._options(call, [{**body, "Status": "DELETED"}])

    def _options(self, call: Call, options: list[Json]) -> Reply:
        texts = [dump(one) for one in options]
        return Reply(answers.envelope(call.provider, call.now, "Options", texts))

    def _check_option(self, row: Row, option: Json, own: str | None) -> None:
        """Raises the refusal of the whole call: options have no batches."""
        name = option.get("Name", "")
        problems = too_long({"Name": name}, OPTION)
        if not name:
            problems.append("Please enter a name for the tracking option.")
        if any(_same(one["Name"], name) and one["TrackingOptionID"] != own for one in row.body["Options"]):
            problems.append(f"A tracking option with the name {name} already exists.")
        if problems:
            raise answers.invalid([{**option, "ValidationErrors": [{"Message": text} for text in problems]}])

    def _wrong(self, call: Call, row_id: str, body: Json) -> list[str]:
        others = [row for row in call.shelf(self.name).rows(Selection()) if row.id != row_id]
        active = [row for row in others if row.status == "ACTIVE"]
        name = body.get("Name", "")
        problems = []
        if not name:
            problems.append("Please enter a name for the tracking category.")
        if any(_same(row.name, name) for row in others):
            problems.append(f"A tracking category with the name {name} already exists.")
        if len(others) >= MAX_ALL or (body["Status"] == "ACTIVE" and len(active) >= MAX_ACTIVE):
            problems.append(f"Maximum number of active tracking categories is {MAX_ACTIVE}.")
        return problems

    def _put(self, call: Call, body: Json) -> Row:
        row = make_row(body, call.now)
        call.shelf(self.name).put(row)
        return row

    def _row(self, call: Call, key: str) -> Row:
        row = self.find(call, key)
        if row is None:
            raise answers.not_found()
        return row


def make_row(body: Json, updated: int) -> Row:
    return Row(body["TrackingCategoryID"], updated, body["Status"], body["Name"], None, body["Name"], body)


def _option(sent: Json) -> Json:
    return {"TrackingOptionID": new_id(), "Name": sent["Name"], "Status": sent.get("Status", "ACTIVE")}


def _find_option(row: Row, option: str) -> Json:
    found: Json | None = next((one for one in row.body["Options"] if one["TrackingOptionID"] == option.lower()), None)
    if found is None:
        raise answers.not_found()
    return found


def _same(left: str, right: str) -> bool:
    return left.casefold() == right.casefold()
