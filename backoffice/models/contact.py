"""Suppliers and customers: one contact, with roles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Boolean, ColumnElement, Index, String, Text, not_, or_, select, true
from sqlalchemy.orm import Mapped, mapped_column, object_session

from backoffice.models.alert import hand_on, raise_for_other
from backoffice.models.record import Record

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy.orm import Session

    from backoffice.models.settings import CompanySettings


class Contact(Record):
    """A party the company buys from, sells to, or both. Names are unique over both."""

    __tablename__ = "contact"
    __table_args__ = (Index("ix_contact_company_name", "company_id", "name_key"),)
    kind = "contact"
    label = "contact"
    local_columns = frozenset({"supplier_here", "customer_here"})
    #: Where money goes, and who it goes to.
    guarded_columns = frozenset({"bank_account", "tax_number"})

    name: Mapped[str] = mapped_column(String(255), info={"label": "Name"})
    #: Our number for it: unique, and what the provider finds it by.
    number: Mapped[str | None] = mapped_column(String(50), info={"label": "Contact number"})
    account_number: Mapped[str | None] = mapped_column(String(50), info={"label": "Account number"})
    first_name: Mapped[str | None] = mapped_column(String(255), info={"label": "First name"})
    last_name: Mapped[str | None] = mapped_column(String(255), info={"label": "Last name"})
    email: Mapped[str | None] = mapped_column(String(255), info={"label": "E-mail"})
    phone: Mapped[str | None] = mapped_column(String(100), info={"label": "Phone"})
    mobile: Mapped[str | None] = mapped_column(String(100), info={"label": "Mobile"})
    tax_number: Mapped[str | None] = mapped_column(String(50), info={"label": "Tax number"})
    company_number: Mapped[str | None] = mapped_column(String(50), info={"label": "Company number"})
    bank_account: Mapped[str | None] = mapped_column(String(255), info={"label": "Bank account"})
    street: Mapped[str | None] = mapped_column(Text, info={"label": "Street"})
    city: Mapped[str | None] = mapped_column(String(255), info={"label": "City"})
    region: Mapped[str | None] = mapped_column(String(255), info={"label": "Region"})
    postal_code: Mapped[str | None] = mapped_column(String(50), info={"label": "Postal code"})
    country: Mapped[str | None] = mapped_column(String(50), info={"label": "Country"})
    currency: Mapped[str | None] = mapped_column(String(3), info={"label": "Currency"})
    #: What the provider marks; it comes with the first document there.
    is_supplier: Mapped[bool] = mapped_column(Boolean, default=False, info={"label": "Supplier there"})
    is_customer: Mapped[bool] = mapped_column(Boolean, default=False, info={"label": "Customer there"})
    #: What it was made or used as here.
    supplier_here: Mapped[bool] = mapped_column(Boolean, default=False, info={"label": "Supplier"})
    customer_here: Mapped[bool] = mapped_column(Boolean, default=False, info={"label": "Customer"})

    @classmethod
    def outgoing(cls, settings: CompanySettings) -> ColumnElement[bool]:
        """All, or all that are not merely customers."""
        if settings.customers:
            return true()
        return or_(cls.supplier_here, cls.is_supplier, not_(or_(cls.customer_here, cls.is_customer)))

    @classmethod
    def guarded(cls, values: Mapping[str, Any]) -> frozenset[str]:
        """All but mere customers may be paid."""
        supplier = values["supplier_here"] or values["is_supplier"]
        customer = values["customer_here"] or values["is_customer"]
        return cls.guarded_columns if supplier or not customer else frozenset()

    @classmethod
    def follow_up(cls, session: Session, record_ids: Collection[int]) -> None:
        """What is like them is looked for as soon as they are kept."""
        session.info.setdefault("to_compare", set()).update(record_ids)

    def absorb(self, other: Contact) -> None:
        self.supplier_here = self.supplier_here or other.supplier_here
        self.customer_here = self.customer_here or other.customer_here
        if session := object_session(self):
            hand_on(session, self.kind, other.id, self.id)
            if other.owed(session):
                raise_for_other(session, other, self)

    def owed(self, session: Session) -> bool:
        """Whether money is still to go to it."""
        from backoffice.models.bill import Bill  # which names contacts, and comes after them

        due = Bill.amount_due.is_(None) | (Bill.amount_due > 0)
        return session.scalar(select(Bill.id).where(Bill.contact_id == self.id, ~Bill.voided, due).limit(1)) is not None

    def held(self, settings: CompanySettings) -> str | None:
        customer = self.customer_here and not self.supplier_here
        return "new customers are held for a person" if customer and not settings.create_customers else None

    def __str__(self) -> str:
        return self.name
