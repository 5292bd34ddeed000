"""The files that people bring, kept from when they are brought until some days after."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backoffice.clock import now
from backoffice.imports.reader import Sheet
from backoffice.imports.sorts import Sort, guessed
from backoffice.imports.values import ambiguous_dates, writes_decimal_comma
from backoffice.models import CsvImport, leased
from backoffice.models.leased import Lease

#: How long a file itself is kept.
KEPT = timedelta(days=7)
NUMBERS = ("quantity", "unit_price", "line_amount", "total", "sales_price", "purchase_price", "discount")
DATES = ("date", "due_date", "delivery_date")


def digest_of(content: bytes) -> str:
    """What tells one file from another."""
    return hashlib.sha256(content).hexdigest()


def taken(session: Session, company_id: int, sort: Sort, digest: str) -> CsvImport | None:
    """The import of a file of the same content, if there was one."""
    query = select(CsvImport).where(
        CsvImport.company_id == company_id,
        CsvImport.sort == sort.key,
        CsvImport.digest == digest,
        CsvImport.started_at.is_not(None),
    )
    return session.scalar(query)


def keep(
    session: Session, company_id: int, sort: Sort, name: str, content: bytes, sheet: Sheet, user_id: int
) -> CsvImport:
    """Keep a file with the columns that its headings suggest, and let go of old ones. Commits nothing."""
    old = update(CsvImport).where(CsvImport.company_id == company_id, CsvImport.uploaded_at < now() - KEPT)
    session.execute(old.values(content=None))
    columns = guessed(sort, sheet.headers, _remembered(session, company_id, sort))
    row = CsvImport(
        company_id=company_id,
        sort=sort.key,
        file_name=name.replace("\0", "").encode("utf-8", "replace").decode()[-255:],
        digest=digest_of(content),
        content=content,
        headers=list(sheet.headers),
        columns=columns,
        options=_options(sheet, columns),
        uploaded_by_id=user_id,
    )
    session.add(row)
    session.flush()
    return row


def _remembered(session: Session, company_id: int, sort: Sort) -> dict[str, str]:
    """By target, the heading of the column that held it in the latest file that was imported."""
    query = select(CsvImport).where(
        CsvImport.company_id == company_id, CsvImport.sort == sort.key, CsvImport.started_at.is_not(None)
    )
    last = session.scalar(query.order_by(CsvImport.id.desc()).limit(1))
    return {key: last.headers[at] for key, at in last.columns.items()} if last else {}


def _options(sheet: Sheet, columns: dict[str, int]) -> dict[str, bool]:
    """How the file seems to write dates and numbers."""
    dates = [cell for key in DATES if key in columns for cell in sheet.column(columns[key])]
    numbers = [cell for key in NUMBERS if key in columns for cell in sheet.column(columns[key])]
    day_first, certain = ambiguous_dates(dates)
    return {"day_first": day_first, "sure_of_dates": certain, "decimal_comma": writes_decimal_comma(numbers)}


def claim(session: Session, row: CsvImport, user_id: int, seconds: float) -> Lease | None:
    """Begin to import a file, or go on with it; None if somebody does, or has done it. Commits."""
    try:
        return leased.claim(session, CsvImport, row.id, seconds, started_at=now(), started_by_id=user_id)
    except IntegrityError:  # another file of the same content was begun at this moment
        session.rollback()
        return None
