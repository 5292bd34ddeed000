"""The accounts and tax codes that suit a side, as choices of a form."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, or_, select
from wtforms.fields import SelectChoice  # type: ignore[attr-defined]  # newer than its stubs

from backoffice.admin.company_base import here
from backoffice.extensions import db
from backoffice.models import Account, Side, TaxMapping, TaxRate

#: What is bought becomes an expense, or something the company owns.
CLASSES = {Side.SALES: ("REVENUE",), Side.PURCHASES: ("EXPENSE",)}
ASSETS = ("FIXED", "CURRENT", "NONCURRENT", "PREPAYMENT", "INVENTORY")


def _suits(side: Side) -> ColumnElement[bool]:
    suits = Account.account_class.in_(CLASSES[side])
    return or_(suits, Account.account_type.in_(ASSETS)) if side is Side.PURCHASES else suits


def accounts(side: Side) -> dict[str, str]:
    """Active accounts that lines of a side may be posted to: code -> name."""
    query = select(Account).where(
        Account.company_id == here().id,
        Account.archived.is_(False),
        Account.takes_lines,
        _suits(side),
    )
    return {account.code or "": str(account) for account in db.session.scalars(query.order_by(Account.code))}


def taxes(side: Side) -> dict[str, str]:
    """Our own tax codes of a side, and the rates of the accounting system that are for it: code -> name."""
    fits = TaxRate.fits(side)
    theirs = select(TaxRate).where(TaxRate.company_id == here().id, TaxRate.archived.is_(False), fits)
    found = {rate.code: str(rate) for rate in db.session.scalars(theirs.order_by(TaxRate.name_key))}
    ours = select(TaxMapping).where(TaxMapping.company_id == here().id, TaxMapping.side == side)
    mine = {
        row.code: f"{row.code} {row.name} ({row.rate.normalize():f} %)"
        for row in db.session.scalars(ours.order_by(TaxMapping.code))
    }
    return {**mine, **{code: name for code, name in found.items() if code not in mine}}


def chosen(found: dict[str, str], held: str | None, none: str | None = None) -> list[Any]:
    """Choices of a select field. What was chosen earlier and suits no more is kept, and says so."""
    first = [SelectChoice("", none)] if none is not None else []
    rest = [SelectChoice(code, name) for code, name in found.items()]
    lost = [SelectChoice(held, f"{held}: archived, or no longer there")] if held and held not in found else []
    return [*first, *lost, *rest]
