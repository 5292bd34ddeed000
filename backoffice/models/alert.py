"""Alerts: what was changed on the other side that somebody has to look at before money moves."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, Index, String, Text, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from backoffice.clock import now
from backoffice.database import Base, RowId
from backoffice.models.book import Booked
from backoffice.models.history import as_text, author

if TYPE_CHECKING:
    from backoffice.models.record import Record


class Alert(Booked, Base):
    """One guarded column of one record that a sync job changed. Open until somebody has acknowledged it."""

    __tablename__ = "alert"
    __table_args__ = (
        Index("ix_alert_company", "company_id", "id"),
        Index(
            "ix_alert_open",
            "company_id",
            "kind",
            "record_id",
            sqlite_where=text("acknowledged_at IS NULL"),
            postgresql_where=text("acknowledged_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    company_id: Mapped[int] = mapped_column(ForeignKey("company.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(40))
    record_id: Mapped[int] = mapped_column(RowId)
    column: Mapped[str] = mapped_column("changed_column", String(60))
    old: Mapped[str | None] = mapped_column(Text)
    new: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(default=now)
    sync_job_id: Mapped[int | None] = mapped_column(ForeignKey("sync_job.id", ondelete="SET NULL"), index=True)
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id", ondelete="SET NULL"))
    note: Mapped[str | None] = mapped_column(Text)

    def acknowledge(self, user_id: int | None, note: str) -> None:
        """Put down that somebody has looked at it. The first one to do so stays."""
        if self.acknowledged_at is None:
            self.acknowledged_at, self.acknowledged_by_id, self.note = now(), user_id, note or None


def hand_on(session: Session, kind: str, from_id: int, to_id: int) -> None:
    """What was asked about a record that was merged into another one is asked about that one."""
    mine = update(Alert).where(Alert.kind == kind, Alert.record_id == from_id, Alert.acknowledged_at.is_(None))
    session.execute(mine.values(record_id=to_id), execution_options={"synchronize_session": False})


def raise_for_other(session: Session, before: Record, after: Record) -> None:
    """What hung on one record hangs on another from now on: somebody has to look where guarded columns differ."""
    for column in sorted(before.guarded_columns):
        old, new = as_text(getattr(before, column)), as_text(getattr(after, column))
        if (old or None) != (new or None):
            about = {"company_id": after.company_id, "kind": after.kind, "record_id": after.id, "column": column}
            session.add(Alert(**about, old=old, new=new, sync_job_id=author.get().sync_job_id))


def open_alerts(session: Session, company_id: int, kind: str, record_ids: Collection[int]) -> dict[int, list[Alert]]:
    """The alerts of these records that nobody has acknowledged, by record, the newest first."""
    found: dict[int, list[Alert]] = {}
    if record_ids:
        query = select(Alert).where(
            Alert.company_id == company_id,
            Alert.kind == kind,
            Alert.record_id.in_(record_ids),
            Alert.acknowledged_at.is_(None),
        )
        for alert in session.scalars(query.order_by(Alert.id.desc())):
            found.setdefault(alert.record_id, []).append(alert)
    return found
