"""Tracking: categories such as Region, and the options in each."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backoffice.models.record import Record


class TrackingCategory(Record):
    """A dimension that document lines are tagged by."""

    __tablename__ = "tracking_category"
    __table_args__ = (Index("ix_tracking_category_company_name", "company_id", "name_key"),)
    kind = "tracking"
    label = "tracking category"

    name: Mapped[str] = mapped_column(String(255), info={"label": "Name"})

    options: Mapped[list[TrackingOption]] = relationship(back_populates="category", order_by="TrackingOption.name_key")

    def __str__(self) -> str:
        return self.name


class TrackingOption(Record):
    """One value of a tracking category."""

    __tablename__ = "tracking_option"
    __table_args__ = (Index("ix_tracking_option_category_name", "category_id", "name_key"),)
    kind = "tracking_option"
    label = "tracking option"

    name: Mapped[str] = mapped_column(String(255), info={"label": "Name"})
    category_id: Mapped[int] = mapped_column(
        ForeignKey("tracking_category.id", ondelete="CASCADE"), info={"label": "Category"}
    )

    category: Mapped[TrackingCategory] = relationship(back_populates="options")

    def __str__(self) -> str:
        return self.name
