"""Somebody's turn at a file, for tests that write what it holds without a page."""

from __future__ import annotations

from uuid import uuid4

from sqlalchemy.orm import Session

from backoffice.imports.sorts import Sort
from backoffice.models import CsvImport, leased
from backoffice.models.leased import Lease


def a_turn(session: Session, company_id: int, sort: Sort) -> Lease:
    row = CsvImport(company_id=company_id, sort=sort.key, file_name="file.csv", digest=uuid4().hex)
    row.headers, row.columns, row.options = [], {}, {}
    session.add(row)
    session.commit()
    lease = leased.claim(session, CsvImport, row.id, 60)
    assert lease is not None
    return lease
