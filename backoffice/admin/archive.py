"""An archive of a company: all that is kept of it, as CSV and JSON with its files, in a zip that is streamed."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import IO, Any

from sqlalchemy import Column, LargeBinary, Row, Table, select
from sqlalchemy.orm import Session

from backoffice.admin.export import batched, cell
from backoffice.clock import now
from backoffice.database import Encrypted, is_postgresql, let_idle
from backoffice.models import Attachment, AttachmentContent, Company
from backoffice.models.owned import of_company, owned_tables

CHUNK = 500
ABOUT = """All that the back office kept of {name} at {moment} UTC.

Each table is there twice: as .csv for a spreadsheet, where a text that a spreadsheet would take for a formula
begins with an apostrophe, and as .json, exactly as it was. Files are in the folder files, under their numbers.
Tokens and passwords are left out.
"""


class Sink(io.RawIOBase):
    """Takes what a zip writes, and gives it out in pieces; nothing of it stays."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._kept += data
        return len(data)

    def taken(self) -> bytes:
        """What was written since the last time."""
        kept, self._kept = bytes(self._kept), bytearray()
        return kept


def archive(session: Session, company: Company) -> Iterator[bytes]:
    """A zip of all that is kept of a company, as it is at one moment."""
    name, company_id = company.name, company.id
    session.rollback()
    if is_postgresql(session):
        let_idle(session.connection(execution_options={"isolation_level": "REPEATABLE READ"}))
    sink = Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("README.txt", ABOUT.format(name=name, moment=f"{now():%Y-%m-%d %H:%M}"))
        yield from _table(session, packed, sink, Company.table(), company_id)
        for table in reversed(owned_tables()):
            yield from _table(session, packed, sink, table, company_id)
        for path, data in _files(session, company_id):
            packed.writestr(path, data)
            yield sink.taken()
    yield sink.taken()
    session.rollback()


def _table(session: Session, packed: zipfile.ZipFile, sink: Sink, table: Table, company_id: int) -> Iterator[bytes]:
    columns = [column for column in table.c if not isinstance(column.type, Encrypted | LargeBinary)]
    for ending, write in (("csv", _csv), ("json", _json)):
        with packed.open(f"{table.name}.{ending}", "w") as file:
            for _ in write(file, columns, _rows(session, table, columns, company_id)):
                yield sink.taken()
        yield sink.taken()


def _rows(session: Session, table: Table, columns: list[Column[Any]], company_id: int) -> Iterator[Row[Any]]:
    mine = table.c.id == company_id if table is Company.table() else of_company(table, company_id)
    query = select(*columns).where(mine).order_by(*table.primary_key.columns)
    yield from session.execute(query, execution_options={"yield_per": CHUNK})


def _csv(file: IO[bytes], columns: list[Column[Any]], rows: Iterator[Row[Any]]) -> Iterator[None]:
    """Write rows; stops after each lot of them."""
    _write_lines(file, [[column.name for column in columns]])
    for lot in batched(rows, CHUNK):
        _write_lines(file, [[cell(_plain(value)) for value in row] for row in lot])
        yield


def _write_lines(file: IO[bytes], lines: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    file.write(text.getvalue().encode(errors="backslashreplace"))


def _json(file: IO[bytes], columns: list[Column[Any]], rows: Iterator[Row[Any]]) -> Iterator[None]:
    names, joint = [column.name for column in columns], "[\n"
    for lot in batched(rows, CHUNK):
        for row in lot:
            told = dict(zip(names, map(_told, row), strict=True))
            file.write(f"{joint}{json.dumps(told, default=str)}".encode())
            joint = ",\n"
        yield
    file.write(b"\n]\n" if joint == ",\n" else b"[]\n")


def _plain(value: Any) -> Any:
    """A value for a cell: lists and the like as JSON."""
    if isinstance(value, list | dict):
        return json.dumps(value, default=str)
    return value if isinstance(value, Decimal) else _told(value)


def _told(value: Any) -> Any:
    """A value as JSON has it; exact numbers as text."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def _files(session: Session, company_id: int) -> Iterator[tuple[str, bytes]]:
    """Every file of it: where it goes in the archive, and its bytes."""
    for table in owned_tables():
        for column in table.c:
            if isinstance(column.type, LargeBinary):
                yield from _contents(session, table, column, company_id)


def _contents(session: Session, table: Table, column: Column[Any], company_id: int) -> Iterator[tuple[str, bytes]]:
    (key,) = table.primary_key.columns
    found = session.scalars(select(key).where(of_company(table, company_id), column.is_not(None)).order_by(key)).all()
    for row_id in found:
        data = session.scalar(select(column).where(key == row_id))
        yield f"files/{table.name}/{row_id}{_called(session, table, row_id)}", data or b""


def _called(session: Session, table: Table, row_id: int) -> str:
    """A file's own name behind its number, as far as it can be the name of a file anywhere."""
    if table is not AttachmentContent.table():
        return ""
    named = select(Attachment.name).join(AttachmentContent, AttachmentContent.attachment_id == Attachment.id)
    query = named.where(AttachmentContent.id == row_id).execution_options(every_book=True)
    name = session.scalar(query) or ""
    return "-" + "".join(letter if letter.isalnum() or letter in ".-_ " else "_" for letter in name)
