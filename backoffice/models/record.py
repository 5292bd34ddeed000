"""A record: a row that can be synced. Its revision counts edits; `hooks` keeps revision, history and guard."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import ColumnElement, inspect, true
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from backoffice.clock import now
from backoffice.database import Base, RowId
from backoffice.models.book import Booked
from backoffice.models.company import CompanyOwned
from backoffice.wording import plural

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy.orm import Session

    from backoffice.models.settings import CompanySettings

#: Columns that are ours alone on every record.
BASE_COLUMNS = frozenset({"id", "company_id", "book_id", "revision", "name_key", "created_at", "changed_at"})


class Record(CompanyOwned, Booked, Base):
    """A row of a company that can be synced. It knows nothing of any provider."""

    __abstract__ = True

    #: What people call one of these.
    label: ClassVar[str]
    #: Columns that no provider knows; changing them sends nothing.
    local_columns: ClassVar[frozenset[str]] = frozenset()
    #: Columns whose change by the other side somebody has to acknowledge.
    guarded_columns: ClassVar[frozenset[str]] = frozenset()
    #: What the numbers that are given here begin with; None where none are given.
    prefix: ClassVar[str | None] = None

    id: Mapped[int] = mapped_column(RowId, primary_key=True, sort_order=-20)
    name: Mapped[str]
    revision: Mapped[int] = mapped_column(default=1)
    #: The name as it is compared.
    name_key: Mapped[str] = mapped_column(default="")
    archived: Mapped[bool] = mapped_column(default=False, info={"label": "Archived"})
    created_at: Mapped[datetime] = mapped_column(default=now)
    changed_at: Mapped[datetime] = mapped_column(default=now)

    @declared_attr.directive
    def __mapper_args__(self) -> dict[str, Any]:
        return {"version_id_col": self.__table__.c.revision, "version_id_generator": False}

    @classmethod
    def outgoing(cls, settings: CompanySettings) -> ColumnElement[bool]:
        """Which of a company's records of this kind are to be sent, as a condition."""
        return true()

    def held(self, settings: CompanySettings) -> str | None:
        """Why a new one waits for a person's word before it is made there; None where it does not."""
        return None

    @classmethod
    def guarded(cls, values: Mapping[str, Any]) -> frozenset[str]:
        """The columns that are guarded in a record that holds these values."""
        return cls.guarded_columns

    def needs_number(self, new: bool) -> bool:
        """Whether one that has no number is given one of ours as it is written now."""
        return new and self.prefix is not None

    def absorb(self, other: Any) -> None:
        """Take over what is kept here alone of another one, which is this one from now on."""

    @classmethod
    def follow_up(cls, session: Session, record_ids: Collection[int]) -> None:
        """Let other records of ours follow these of this kind, which were just written. Commits and flushes nothing."""

    @classmethod
    def plural(cls) -> str:
        """What people call several of these."""
        return plural(cls.label)

    @classmethod
    @cache
    def business_columns(cls) -> tuple[str, ...]:
        """What people keep in it, as column names."""
        return tuple(c.key for c in inspect(cls).column_attrs if c.key not in BASE_COLUMNS)

    @classmethod
    @cache
    def synced_columns(cls) -> frozenset[str]:
        """What a provider may know of it; a change of one of these is an edit to be sent."""
        return frozenset(cls.business_columns()) - cls.local_columns

    @classmethod
    def column_label(cls, column: str) -> str:
        """What people call a column."""
        return str(cls.table().c[column].info.get("label", column.replace("_", " ").capitalize()))
