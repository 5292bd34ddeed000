"""What a mapping could pair: tax codes by rate and name, items by what was used for them before."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from sqlalchemy import func, select

from backoffice.admin.account_choices import accounts
from backoffice.admin.company_base import here
from backoffice.admin.words import SIDE_WORDS
from backoffice.database import folded
from backoffice.extensions import db
from backoffice.models import (
    AccountMapping,
    Bill,
    CompanySettings,
    Invoice,
    Item,
    PurchaseOrder,
    Side,
    TaxMapping,
    TaxRate,
)
from backoffice.wording import counted

#: So many are shown at once.
MOST = 200
#: Names that are less alike than this say nothing.
ALIKE = 0.4
DOCUMENTS: dict[Side, Sequence[Any]] = {Side.SALES: (Invoice,), Side.PURCHASES: (Bill, PurchaseOrder)}


@dataclass(frozen=True)
class Suggestion:
    """Something of ours that nothing pairs yet."""

    key: str
    title: str
    side: Side
    #: What it may be paired with: value -> words; and the likeliest, if one stands out.
    choices: dict[str, str]
    choice: str | None
    why: str
    #: The mapping, or the item, that it is about.
    subject: Any


def tax_suggestions() -> list[Suggestion]:
    """Our codes without a rate, each with the rates of its side."""
    query = select(TaxMapping).where(TaxMapping.company_id == here().id, TaxMapping.tax_rate_id.is_(None))
    rates = select(TaxRate).where(TaxRate.company_id == here().id, TaxRate.archived.is_(False))
    theirs = db.session.scalars(rates.order_by(TaxRate.name_key, TaxRate.id)).all()
    found = []
    for mapping in db.session.scalars(query.order_by(TaxMapping.side, TaxMapping.code).limit(MOST)):
        fits = [rate for rate in theirs if rate.fits(mapping.side)]
        best, why = likeliest(mapping, fits)
        choices = {str(rate.id): str(rate) for rate in fits}
        chosen = str(best.id) if best else None
        found.append(Suggestion(str(mapping.id), str(mapping), mapping.side, choices, chosen, why, mapping))
    return found


def likeliest(mapping: TaxMapping, rates: Sequence[TaxRate]) -> tuple[TaxRate | None, str]:
    """The rate that is as high and is called most alike, and why; none where two are as likely."""
    same = [rate for rate in rates if rate.rate == mapping.rate]
    said = f"{mapping.rate.normalize():f} %"
    if not same:
        return None, f"no rate there is {said}"
    ranked = sorted(((alike(mapping, rate), rate) for rate in same), key=lambda pair: pair[0], reverse=True)
    if len(ranked) == 1:
        return ranked[0][1], f"the only one of {said}"
    (first, best), (second, _) = ranked[:2]
    if first >= ALIKE and first > second:
        return best, f"{said}, and called most alike"
    return None, f"{len(ranked)} rates are {said}"


def alike(mapping: TaxMapping, rate: TaxRate) -> float:
    """How much the names and codes of two rates are alike: 0 to 1."""
    theirs = [folded(rate.name), folded(rate.code)]
    ours = [folded(mapping.name), folded(mapping.code)]
    if set(ours) & set(theirs):
        return 1.0
    return max(SequenceMatcher(None, mine, other).ratio() for mine in ours for other in theirs)


def account_suggestions() -> list[Suggestion]:
    """Items whose lines nothing gives an account but the default, by side."""
    return [suggestion for side in Side for suggestion in _of_side(side)][:MOST]


def _of_side(side: Side) -> list[Suggestion]:
    sales = side is Side.SALES
    mapped = select(AccountMapping).where(AccountMapping.company_id == here().id, AccountMapping.side == side)
    mappings = db.session.scalars(mapped).all()
    items = {row.item_id for row in mappings}
    groups = {folded(row.item_group): row.account_code for row in mappings if row.item_group}
    used_on, own = (Item.is_sold, Item.sales_account) if sales else (Item.is_purchased, Item.purchase_account)
    query = select(Item).where(Item.company_id == here().id, Item.archived.is_(False), used_on)
    rows = db.session.scalars(query.where(func.coalesce(own, "") == "").order_by(Item.code)).all()
    wanting = [item for item in rows if item.id not in items and folded(item.group) not in groups][:MOST]
    if not wanting:
        return []
    choices, history, siblings = accounts(side), _on_lines(side), _in_groups(side)
    default = _default(side)
    found = []
    for item in wanting:
        reasons = [(*history.get(folded(item.code), ("", "")),), siblings.get(folded(item.group), ("", "")), default]
        choice, why = next(((code, why) for code, why in reasons if code in choices), ("", "nothing tells which"))
        key = f"{side.value}-{item.id}"
        found.append(Suggestion(key, str(item), side, choices, choice or None, why, item))
    return found


def _default(side: Side) -> tuple[str, str]:
    settings = db.session.scalar(select(CompanySettings).where(CompanySettings.company_id == here().id))
    code = (settings.revenue_account if side is Side.SALES else settings.expense_account) if settings else None
    return code or "", f"the company’s default for {SIDE_WORDS[side].lower()}"


def _on_lines(side: Side) -> dict[str, tuple[str, str]]:
    """By item code, the account that lines of documents gave it most often."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for model in DOCUMENTS[side]:
        line = model.line
        query = (
            select(line.item_code, line.account_code, func.count())
            .join(model, model.id == line.document_id)
            .where(model.company_id == here().id, line.item_code.is_not(None), line.account_code.is_not(None))
            .group_by(line.item_code, line.account_code)
        )
        for item, account, count in db.session.execute(query):
            counts[folded(item)][account] += count
    return {item: _most(found, "used on {} of it") for item, found in counts.items()}


def _in_groups(side: Side) -> dict[str, tuple[str, str]]:
    """By group, the account that most of its other items have."""
    own = Item.sales_account if side is Side.SALES else Item.purchase_account
    query = (
        select(Item.group, own, func.count())
        .where(Item.company_id == here().id, Item.archived.is_(False), Item.group.is_not(None), own.is_not(None))
        .group_by(Item.group, own)
    )
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for group, account, count in db.session.execute(query):
        counts[folded(group)][account or ""] += count
    return {group: (_most(found, "")[0], "as others of its group") for group, found in counts.items() if group}


def _most(found: Counter[str], said: str) -> tuple[str, str]:
    account, count = min(found.items(), key=lambda pair: (-pair[1], pair[0]))
    return account, said.format(counted(count, "line"))


def waiting(found: Iterable[Suggestion]) -> int:
    """How many of them stand out."""
    return sum(one.choice is not None for one in found)
