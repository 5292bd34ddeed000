"""Tax-rate mappings: a tax code of ours, paired with a rate of the provider's."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backoffice.database import Base, Exact, RowId, choice
from backoffice.models.book import Booked
from backoffice.models.company import CompanyOwned
from backoffice.models.side import Side
from backoffice.models.tax_rate import TaxRate


class TaxMapping(CompanyOwned, Booked, Base):
    """Our code, name and rate in per cent on one side, and what it is called there."""

    __tablename__ = "tax_mapping"
    __table_args__ = (
        Index(
            "uq_tax_mapping_code",
            "company_id",
            "side",
            "code",
            unique=True,
            sqlite_where=text("book_id IS NULL"),
            postgresql_where=text("book_id IS NULL"),
        ),
    )
    kind = "tax_mapping"

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    code: Mapped[str] = mapped_column(String(50), info={"label": "Our code"})
    name: Mapped[str] = mapped_column(String(255), info={"label": "Our name"})
    rate: Mapped[Decimal] = mapped_column(Exact(4), info={"label": "Rate %"})
    side: Mapped[Side] = mapped_column(choice(Side, "side"), info={"label": "Side"})
    tax_rate_id: Mapped[int | None] = mapped_column(
        ForeignKey("tax_rate.id", ondelete="SET NULL"), info={"label": "Tax rate there"}
    )

    tax_rate: Mapped[TaxRate | None] = relationship()

    def __str__(self) -> str:
        return f"{self.code} {self.name}"
