"""Attachments: files that hang on a document, kept as bytes beside the rows."""

from __future__ import annotations

from urllib.parse import quote

from backoffice.sandbox.xero import answers
from backoffice.sandbox.xero.call import Call, Reply, new_id
from backoffice.sandbox.xero.resource import Resource
from backoffice.sandbox.xero.shelf import Json, Row, dump

MOST = 10
MAX_BYTES = 10_000_000
SCOPES = frozenset({"accounting.attachments"})
ATTACHMENT_VERBS = {
    "GET/id/Attachments": "list_attachments",
    "GET/id/Attachments/id": "read_attachment",
    "PUT/id/Attachments/id": "attach",
    "POST/id/Attachments/id": "attach",
}
COLUMNS = "id, file_name, mime_type, length, online"
Known = tuple[str, str, str, int, int]


class Attached(Resource):
    """A resource whose rows can have files: `/{Resource}/{id}/Attachments/{FileName}`."""

    def scopes_for(self, action: str) -> frozenset[str]:
        return SCOPES if action in ATTACHMENT_VERBS.values() else super().scopes_for(action)

    def max_body(self, action: str) -> int:
        return MAX_BYTES if action == "attach" else super().max_body(action)

    def list_attachments(self, call: Call, key: str) -> Reply:
        row = self._owner(call, key)
        return _reply(call, [self._shown(call, row, one) for one in self._known(call, row)])

    def read_attachment(self, call: Call, key: str, file: str) -> Reply:
        """The bytes, by the file's name or by the attachment's id."""
        row = self._owner(call, key)
        found = call.world.store.row(
            "SELECT data, mime_type FROM attachment WHERE organisation = ? AND kind = ? AND owner = ?"
            " AND (fold(file_name) = ? OR id = ?)",
            (*self._place(call, row), file.casefold(), file.lower()),
        )
        if found is None:
            raise answers.not_found()
        return Reply(found[0], 200, found[1])

    def attach(self, call: Call, key: str, file: str) -> Reply:
        """A file under a name that is there already takes the other's place and its id."""
        with call.world.store.transaction():
            row = self._owner(call, key)
            known = self._known(call, row)
            same = next((one for one in known if one[1].casefold() == file.casefold()), None)
            if problems := _wrong(call, file, len(known) + (same is None)):
                raise answers.invalid([self.refused({}, problems)])
            made = self._keep(call, row, same[0] if same else new_id(), file)
            if not row.body.get("HasAttachments"):
                row.body["HasAttachments"] = True
                call.shelf(self.name).put(row)
        return _reply(call, [self._shown(call, row, made)])

    def _keep(self, call: Call, row: Row, file_id: str, file: str) -> Known:
        made = (file_id, file, call.content_type or "application/octet-stream", len(call.data))
        online = int(call.flag("IncludeOnline"))
        call.world.store.change(
            f"INSERT OR REPLACE INTO attachment (organisation, kind, owner, {COLUMNS}, data)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*self._place(call, row), *made, online, call.data),
        )
        return (*made, online)

    def _known(self, call: Call, row: Row) -> list[Known]:
        found = call.world.store.rows(
            f"SELECT {COLUMNS} FROM attachment WHERE organisation = ? AND kind = ? AND owner = ? ORDER BY rowid",
            self._place(call, row),
        )
        return [(one[0], one[1], one[2], one[3], one[4]) for one in found]

    def _shown(self, call: Call, row: Row, known: Known) -> Json:
        file_id, file, mime_type, length, online = known
        return {
            "AttachmentID": file_id,
            "FileName": file,
            "Url": f"{call.root}/{self.name}/{row.id}/Attachments/{quote(file)}",
            "MimeType": mime_type,
            "ContentLength": length,
            "IncludeOnline": bool(online),
        }

    def _owner(self, call: Call, key: str) -> Row:
        row = self.find(call, key)
        if row is None:
            raise answers.not_found()
        return row

    def _place(self, call: Call, row: Row) -> tuple[str, str, str]:
        return call.organisation.id, self.name, row.id


def _wrong(call: Call, file: str, count: int) -> list[str]:
    problems = []
    if count > MOST:
        problems.append(f"A maximum of {MOST} attachments can be added to a document.")
    if not call.data:
        problems.append("The attachment has no content.")
    if any(mark in file for mark in '<>:"|?*\\'):
        problems.append("The file name holds characters that are not allowed.")
    return problems


def _reply(call: Call, attachments: list[Json]) -> Reply:
    texts = [dump(one) for one in attachments]
    return Reply(answers.envelope(call.provider, call.now, "Attachments", texts))
