"""CSV imports: the files that people have brought, what each column is, and what became of each."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backoffice.clock import now
from backoffice.database import Base
from backoffice.models.leased import Leased
from backoffice.models.user import User


class CsvImport(Leased, Base):
    """One file for one company. A file of the same content is taken in once for each sort of records."""

    __tablename__ = "csv_import"
    __table_args__ = (
        Index(
            "uq_csv_import_taken",
            "company_id",
            "sort",
            "digest",
            unique=True,
            sqlite_where=text("started_at IS NOT NULL"),
            postgresql_where=text("started_at IS NOT NULL"),
        ),
    )

    company_id: Mapped[int] = mapped_column(ForeignKey("company.id", ondelete="CASCADE"), index=True)
    #: What it brings: a key of `backoffice.imports.sorts.SORTS`.
    sort: Mapped[str] = mapped_column(String(40))
    file_name: Mapped[str] = mapped_column(String(255))
    #: SHA-256 of the file.
    digest: Mapped[str] = mapped_column(String(64))
    #: The file itself, until some days after it was brought.
    content: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    headers: Mapped[list[str]] = mapped_column(JSON)
    #: By target, the place of the column in the file, from 0 on.
    columns: Mapped[dict[str, int]] = mapped_column(JSON)
    options: Mapped[dict[str, Any]] = mapped_column(JSON)
    uploaded_at: Mapped[datetime] = mapped_column(default=now)
    uploaded_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id", ondelete="SET NULL"))
    #: When a person pressed Import.
    started_at: Mapped[datetime | None]
    started_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id", ondelete="SET NULL"))
    #: How many records were added, changed, here already and bad, and how many parties were made for them.
    counts: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)

    started_by: Mapped[User | None] = relationship(foreign_keys=[started_by_id])
    uploaded_by: Mapped[User | None] = relationship(foreign_keys=[uploaded_by_id])

    @property
    def stalled(self) -> bool:
        """Whether it was begun, came to no end, and nobody is at it."""
        held = self.lease_until is not None and self.lease_until >= now()
        return self.started_at is not None and self.ended_at is None and not held
