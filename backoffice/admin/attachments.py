"""Attachments: files on the page of their document, taken in with care, given out as files and never as pages."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any

from flask import Response, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy import select
from werkzeug.datastructures import FileStorage
from werkzeug.http import dump_options_header

from backoffice.admin import links
from backoffice.admin.company_base import Page, here
from backoffice.admin.part_view import PartView
from backoffice.database import folded
from backoffice.errors import ReadOnlyRecordError
from backoffice.extensions import db
from backoffice.models import Attachment, AttachmentContent, Document, History
from backoffice.models.attachment import LARGEST_FILE, MOST_FILES
from backoffice.models.history import author
from backoffice.wording import counted

#: What may be attached, by its ending, and how such a file begins.
TYPES: dict[str, tuple[str, tuple[bytes, ...]]] = {
    ".pdf": ("application/pdf", (b"%PDF-",)),
    ".png": ("image/png", (b"\x89PNG\r\n\x1a\n",)),
    ".jpg": ("image/jpeg", (b"\xff\xd8\xff",)),
    ".jpeg": ("image/jpeg", (b"\xff\xd8\xff",)),
    ".gif": ("image/gif", (b"GIF87a", b"GIF89a")),
    ".tif": ("image/tiff", (b"II*\x00", b"MM\x00*")),
    ".tiff": ("image/tiff", (b"II*\x00", b"MM\x00*")),
    ".txt": ("text/plain", ()),
    ".csv": ("text/csv", ()),
    ".doc": ("application/msword", (b"\xd0\xcf\x11\xe0",)),
    ".xls": ("application/vnd.ms-excel", (b"\xd0\xcf\x11\xe0",)),
    ".docx": ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", (b"PK",)),
    ".xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", (b"PK",)),
}
#: What no file's name holds, on any system.
ODD = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')
LARGEST_MB = LARGEST_FILE // 1_000_000


def attachments_of(document: Document) -> list[Attachment]:
    """The files of a document."""
    column = getattr(Attachment, f"{document.kind}_id")
    query = select(Attachment).where(column == document.id, Attachment.archived.is_(False))
    return list(db.session.scalars(query.order_by(Attachment.id)))


def file_name(text: str | None) -> str:
    """A file's own name, without the folders before it and without what no name holds."""
    last = PurePosixPath((text or "").replace("\\", "/")).name
    return " ".join(ODD.sub("_", last).split()).strip(". ")


def problem_of(name: str, data: bytes, taken: set[str]) -> str:
    """Why a file cannot be attached; empty if it can."""
    ending = PurePosixPath(name).suffix.lower()
    if not name or ending not in TYPES:
        known = ", ".join(sorted({key.removeprefix(".") for key in TYPES}))
        return f"{name or 'A file without a name'} cannot be attached. These sorts can: {known}."
    if len(name) > 200:
        return f"The name {name[:40]}… is too long; 200 characters at most."
    if folded(name) in taken:
        return f"There is a file called {name} already; remove that one first, or rename this one."
    if not data:
        return f"{name} is empty."
    if len(data) > LARGEST_FILE:
        return f"{name} is too large: {len(data) / 1_000_000:.1f} MB, and {LARGEST_MB} MB is the most."
    starts = TYPES[ending][1]
    if (starts and not data.startswith(starts)) or (not starts and b"\x00" in data):
        return f"{name} is not what its ending says; save it anew as {ending.removeprefix('.')} and attach that."
    return ""


class AttachmentPages(Page):
    """What a document's page does with its files."""

    def attachments(self, document: Document) -> list[tuple[Attachment, Any]]:
        """The files of a document with their links."""
        found = attachments_of(document)
        known = links.links_of(Attachment.kind, [one.id for one in found])
        return [(one, known.get(one.id)) for one in found]

    @expose("/attach/", methods=("POST",))
    def attach_view(self) -> ResponseReturnValue:
        """Attach one or several files."""
        document: Any = self.one()
        files = [one for one in request.files.getlist("file") if one.filename]
        if document.voided:
            flash(f"{document} is voided; nothing is attached to it any more.", "danger")
        elif not files:
            flash("Choose a file first.", "warning")
        else:
            self._attach(document, files)
        return redirect(self.open_url(document) + "#attachments", code=303)

    def _attach(self, document: Document, files: list[FileStorage]) -> None:
        held = attachments_of(document)
        taken, added = {folded(one.name) for one in held}, 0
        for file in files:
            name, data = file_name(file.filename), file.stream.read(LARGEST_FILE + 1)
            problem = problem_of(name, data, taken)
            if not problem and len(taken) >= MOST_FILES:
                problem = f"{name} was not attached: a document has at most {MOST_FILES} files."
            if problem:
                flash(problem, "danger")
                continue
            db.session.add(attachment(document, name, data))
            taken.add(folded(name))
            added += 1
        db.session.commit()
        if added:
            flash(f"{counted(added, 'file')} attached.", "success")


def attachment(document: Document, name: str, data: bytes) -> Attachment:
    """A file of a document. The sort is told by the ending alone, never by what was sent with it."""
    sort = TYPES[PurePosixPath(name).suffix.lower()][0]
    made = Attachment(company_id=document.company_id, name=name, mime_type=sort, size=len(data))
    setattr(made, f"{document.kind}_id", document.id)
    made.content = AttachmentContent(data=data)
    return made


class AttachmentsView(PartView):
    """All files of a company; each is reached from its document."""

    record = Attachment
    title, noun, group, path = "Attachments", "attachment", "Money", "attachments"
    about = "Attachments are the files that go with orders, bills, invoices and credit notes. They are added there."
    kinds = ("attachment",)
    columns = ("name", "document", "mime_type", "size")
    groups = (("File", ("name", "document", "mime_type", "size")),)
    in_menu = False
    why_frozen = "A file is removed on the page of its document, as long as it was not sent."

    def cell(self, record: Any, column: str) -> Any:
        return f"{record.size / 1000:,.0f} kB" if column == "size" else super().cell(record, column)

    def get_column_name(self, field: str) -> str:
        return "Belongs to" if field == "document" else super().get_column_name(field)

    @expose("/download/")
    def download(self) -> Response:
        """The file itself, to be saved and not to be shown."""
        found: Any = self.one()
        sort = (
            found.mime_type if found.mime_type in {sort for sort, _ in TYPES.values()} else "application/octet-stream"
        )
        name = dump_options_header("attachment", {"filename": file_name(found.name) or "file"})
        return Response(
            found.content.data if found.content else b"",
            headers={
                "Content-Type": sort,
                "Content-Disposition": name,
                "X-Content-Type-Options": "nosniff",
                "Content-Security-Policy": "default-src 'none'; sandbox",
            },
        )

    @expose("/remove/", methods=("POST",))
    def remove(self) -> ResponseReturnValue:
        """Take a file away that was not sent yet."""
        found: Any = self.one()
        document, link, name = found.document, links.link_of(found), found.name
        onward = links.page_of(document) + "#attachments"
        if link is not None and (link.external_id or link.attempt_id):
            flash(f"{name} was sent already; remove it in {links.provider_name()}.", "danger")
            return redirect(onward, code=303)
        try:
            db.session.delete(found)
            db.session.add(_removed(document, name))
            db.session.commit()
        except ReadOnlyRecordError:
            db.session.rollback()
            flash(f"{name} was sent just now; remove it in {links.provider_name()}.", "danger")
            return redirect(onward, code=303)
        flash(f"{name} was removed.", "success")
        return redirect(onward, code=303)


def _removed(document: Any, name: str) -> History:
    """The line in the document's history."""
    who = author.get()
    return History(
        company_id=here().id,
        kind=document.kind,
        record_id=document.id,
        action="changed",
        field="attachment",
        old=name,
        user_id=who.user_id,
    )
