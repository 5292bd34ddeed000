"""What a company has chosen about its synchronisation."""

from __future__ import annotations

import datetime as dt
from datetime import time
from enum import StrEnum

from sqlalchemy import JSON, Date, Integer, String, Text, Time, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column, object_session, validates

from backoffice.clock import now
from backoffice.database import Base, RowId, choice
from backoffice.models.company import Company, CompanyOwned


class Winner(StrEnum):
    """Whose value stays when both sides changed the same record since they last agreed."""

    PROVIDER = "provider"
    OURS = "ours"


class SentAs(StrEnum):
    """In which state an approved document arrives in the accounting system."""

    DRAFT = "draft"
    AWAITING_APPROVAL = "awaiting_approval"
    AUTHORISED = "authorised"


class Approvers(StrEnum):
    """Who may approve a document."""

    OPERATORS = "operators"
    ADMINISTRATORS = "administrators"


class Inventory(StrEnum):
    """Whether items bring their stock with them."""

    NONE = "none"
    SYNC = "sync"


class Strictness(StrEnum):
    """Which contacts are taken for likely duplicates."""

    #: Nobody is asked.
    OFF = "off"
    #: The same e-mail, tax number or bank account, or the same name however it is spelled out.
    EQUAL = "equal"
    #: Names that are alike, too.
    ALIKE = "alike"


class CompanySettings(CompanyOwned, Base):
    """One row a company."""

    __tablename__ = "company_settings"
    __table_args__ = (UniqueConstraint("company_id"),)
    kind = "settings"

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    conflict_winner: Mapped[Winner] = mapped_column(choice(Winner, "winner"), default=Winner.PROVIDER)
    approvers: Mapped[Approvers] = mapped_column(choice(Approvers, "approvers"), default=Approvers.OPERATORS)
    #: Whether people may approve what they wrote themselves.
    approve_own: Mapped[bool] = mapped_column(default=True)
    #: Documents of an earlier date stay here; None sends all.
    send_from: Mapped[dt.date | None] = mapped_column(Date)
    #: Documents of an earlier date are not brought in, unless they are known here; None brings in all.
    bring_in_from: Mapped[dt.date | None] = mapped_column(Date)

    send_orders: Mapped[bool] = mapped_column(default=True)
    send_bills: Mapped[bool] = mapped_column(default=True)
    send_invoices: Mapped[bool] = mapped_column(default=True)
    send_credit_notes: Mapped[bool] = mapped_column(default=True)
    send_payments: Mapped[bool] = mapped_column(default=True)
    bring_in_orders: Mapped[bool] = mapped_column(default=True)
    bring_in_bills: Mapped[bool] = mapped_column(default=True)
    bring_in_invoices: Mapped[bool] = mapped_column(default=True)
    bring_in_credit_notes: Mapped[bool] = mapped_column(default=True)
    bring_in_payments: Mapped[bool] = mapped_column(default=True)
    orders_as: Mapped[SentAs] = mapped_column(choice(SentAs, "orders_as"), default=SentAs.AUTHORISED)
    bills_as: Mapped[SentAs] = mapped_column(choice(SentAs, "bills_as"), default=SentAs.AUTHORISED)
    invoices_as: Mapped[SentAs] = mapped_column(choice(SentAs, "invoices_as"), default=SentAs.AUTHORISED)
    credit_notes_as: Mapped[SentAs] = mapped_column(choice(SentAs, "credit_notes_as"), default=SentAs.AUTHORISED)

    #: Codes of accounts and tax that a line gets that names none.
    expense_account: Mapped[str | None] = mapped_column(String(10))
    revenue_account: Mapped[str | None] = mapped_column(String(10))
    purchase_tax: Mapped[str | None] = mapped_column(String(50))
    sales_tax: Mapped[str | None] = mapped_column(String(50))

    #: Whether customers travel at all, and whether a new one is made there unasked.
    customers: Mapped[bool] = mapped_column(default=True)
    create_customers: Mapped[bool] = mapped_column(default=True)
    inventory: Mapped[Inventory] = mapped_column(choice(Inventory, "inventory"), default=Inventory.SYNC)

    #: What stands at the head of a printed document.
    address: Mapped[str | None] = mapped_column(Text)
    email: Mapped[str | None] = mapped_column(String(255))
    phone: Mapped[str | None] = mapped_column(String(50))
    tax_number: Mapped[str | None] = mapped_column(String(50))

    #: Whether the company is brought up to date by itself every night, and when by its own clock.
    nightly: Mapped[bool] = mapped_column(default=True)
    nightly_at: Mapped[time] = mapped_column(Time, default=time(2, 0))
    #: Minutes between two updates by day; None brings it up to date by night alone.
    update_every: Mapped[int | None] = mapped_column(Integer)
    #: The day of the week of its reconciliation, 0 for Monday; None reconciles on demand alone.
    reconcile_on: Mapped[int | None] = mapped_column(Integer, default=5)

    #: Nothing of the company travels, or nothing of these kinds, until somebody resumes it.
    paused: Mapped[bool] = mapped_column(default=False)
    paused_kinds: Mapped[list[str]] = mapped_column(JSON, default=list)

    ask_duplicates: Mapped[Strictness] = mapped_column(choice(Strictness, "strictness"), default=Strictness.EQUAL)
    #: How many days history and jobs are kept.
    keep_history: Mapped[int] = mapped_column(Integer, default=365)
    keep_jobs: Mapped[int] = mapped_column(Integer, default=90)

    @validates("nightly", "nightly_at", "update_every", "reconcile_on", "paused")
    def _plan_anew(self, name: str, value: object) -> object:
        """What was due under another schedule, or during a pause, is not caught up."""
        session = object_session(self)
        if session is not None and value != getattr(self, name):
            session.get_one(Company, self.company_id).planned_at = now()
        return value

    def sends(self, kind: str) -> bool:
        """Whether records of a kind are sent; those without a setting are."""
        return bool(getattr(self, SENDS.get(kind, ""), True))

    def brings_in(self, kind: str) -> bool:
        """Whether records of a kind that were made there are brought in; those without a setting are."""
        return bool(getattr(self, BRINGS_IN.get(kind, ""), True))


_SETTING = {
    "purchase_order": "orders",
    "bill": "bills",
    "invoice": "invoices",
    "credit_note": "credit_notes",
    "allocation": "credit_notes",
    "payment": "payments",
    "prepayment": "payments",
    "overpayment": "payments",
}
#: The settings that switch each kind on and off.
SENDS = {kind: f"send_{name}" for kind, name in _SETTING.items()}
BRINGS_IN = {kind: f"bring_in_{name}" for kind, name in _SETTING.items()}


def settings_of(session: Session, company_id: int) -> CompanySettings | None:
    """What a company has chosen; None for one that has chosen nothing yet."""
    return session.scalar(select(CompanySettings).where(CompanySettings.company_id == company_id))


def new_company(session: Session, name: str, time_zone: str = "UTC") -> Company:
    """Add a company, with the settings it starts from; another zone than UTC was chosen. Commits nothing."""
    company = Company(name=name, time_zone=time_zone, zone_chosen=time_zone != "UTC")
    session.add(company)
    session.flush()
    session.add(CompanySettings(company_id=company.id))
    return company
