"""The archive of a backup: one gzipped file of JSON lines, whole or not there; the same for every database.

The first line says which revision of the tables it holds, the last one that nothing is missing. Between them each
table has a line with its columns, and its rows follow. Moments are UTC, bytes base64, and what is encrypted in the
database is encrypted here.
"""

from __future__ import annotations

import base64
import datetime as dt
import gzip
import json
import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy import Column, Date, DateTime, LargeBinary, Time

from backoffice.clock import now
from backoffice.errors import BackofficeError

#: The number of this form of archive.
FORM = 1


class ArchiveError(BackofficeError):
    """This file is no backup, or not a whole one."""


@dataclass(frozen=True)
class Part:
    """The rows of one table, one after the other, as plain data."""

    table: str
    columns: Sequence[str]
    rows: Iterable[Sequence[Any]]


@contextmanager
def written(path: Path) -> Iterator[TextIO]:
    """A file that is there, whole, after the block, or is not there: what was there before stays until then.

    Raises: ArchiveError where it cannot be written.
    """
    half = path.with_name(f".{path.name}.{os.getpid()}.half")
    try:
        with open(half, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            with gzip.open(file, "wt", encoding="utf-8") as text:
                yield text
            os.fsync(file.fileno())
        half.replace(path)
    except OSError as error:
        raise ArchiveError(f"{path} cannot be written: {error.strerror}. Nothing was left there.") from error
    finally:
        half.unlink(missing_ok=True)


def write(file: TextIO, revision: str, parts: Iterable[Part]) -> int:
    """Write every part; says how many rows there were."""
    count = 0
    _line(file, {"backoffice": FORM, "revision": revision, "at": now().isoformat()})
    for part in parts:
        _line(file, {"table": part.table, "columns": list(part.columns)})
        for row in part.rows:
            _line(file, [_packed(value) for value in row])
            count += 1
    _line(file, {"rows": count})
    return count


@contextmanager
def opened(path: Path) -> Iterator[tuple[str, Iterator[Part]]]:
    """The revision of an archive, and its parts, to be read in their order.

    Raises: ArchiveError, also while it is read, when it is not a whole archive.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            head = json.loads(file.readline() or "null")
            if not isinstance(head, dict) or head.get("backoffice") != FORM:
                raise ArchiveError(
                    f"{path} is no backup of the back office, or of a form that this version is too old for."
                )
            yield str(head["revision"]), _parts(file, path)
    except (EOFError, gzip.BadGzipFile, zlib.error, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ArchiveError(f"{path} is no backup, or is damaged: it cannot be read to its end.") from error
    except OSError as error:
        raise ArchiveError(f"{path} cannot be read: {error.strerror}.") from error


def check(path: Path) -> None:
    """Read an archive to its end. Raises: ArchiveError when it is not whole."""
    with opened(path) as (_, parts):
        for part in parts:
            for _row in part.rows:
                pass


def _parts(file: TextIO, path: Path) -> Iterator[Part]:
    lines = map(json.loads, file)
    head: dict[str, Any] = next(lines, {})
    count = 0
    while "table" in head:
        after: dict[str, Any] = {}

        def rows(after: dict[str, Any] = after) -> Iterator[list[Any]]:
            nonlocal count
            for line in lines:
                if isinstance(line, dict):
                    after.update(line)
                    return
                count += 1
                yield line

        yield Part(head["table"], head["columns"], rows())
        head = after
    # The look behind the last line reads to the end of the file, where its check sum is.
    if head.get("rows") != count or next(lines, None) is not None:
        raise ArchiveError(f"{path} is not whole: its end is missing.")


def _line(file: TextIO, content: Any) -> None:
    file.write(json.dumps(content, ensure_ascii=False, separators=(",", ":")))
    file.write("\n")


def _packed(value: Any) -> Any:
    """A value as JSON can hold it."""
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(value).decode()
    if isinstance(value, dt.datetime):
        return (value if value.tzinfo else value.replace(tzinfo=dt.UTC)).astimezone(dt.UTC).isoformat()
    return value.isoformat() if isinstance(value, dt.date | dt.time) else value


def unpacked(value: Any, column: Column[Any]) -> Any:
    """A value as a column of the database at hand takes it."""
    if value is None:
        return None
    match column.type:
        case LargeBinary():
            return base64.b64decode(value)
        case DateTime():
            moment = dt.datetime.fromisoformat(value)
            return moment if column.type.timezone else moment.replace(tzinfo=None)
        case Date():
            return dt.date.fromisoformat(value)
        case Time():
            return dt.time.fromisoformat(value)
    return value
