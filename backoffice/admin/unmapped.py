"""Not mapped: tax codes and accounts that lines use and nothing maps, and how many documents wait for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy import ColumnElement, case, exists, func, literal, select

from backoffice.admin import links
from backoffice.admin.company_base import Page, here
from backoffice.admin.words import SIDE_WORDS
from backoffice.extensions import db
from backoffice.models import (
    Account,
    Bill,
    CreditNote,
    Invoice,
    LineDefaults,
    Link,
    PurchaseOrder,
    Side,
    Status,
    TaxMapping,
    TaxRate,
)

DOCUMENTS: tuple[Any, ...] = (PurchaseOrder, Bill, Invoice, CreditNote)
#: So many documents of a kind are listed.
MOST = 200


@dataclass(frozen=True)
class Use:
    """A code on lines of one side: how many documents carry it, and how many of those are approved and wait."""

    side: Side
    code: str
    documents: int
    waiting: int


@dataclass(frozen=True)
class Bare:
    """A line of which nothing is known but its item."""

    item_code: str
    account_code: None = None


@dataclass(frozen=True)
class Lack:
    """Something that is not mapped, and where that is mended."""

    what: str
    use: Use
    title: str
    why: str
    mend_url: str
    mend: str

    @property
    def documents_url(self) -> str:
        """The documents that carry it."""
        return url_for("unmapped.documents", what=self.what, side=self.use.side.value, code=self.use.code)


class UnmappedView(Page):
    """What documents wait for."""

    in_menu = False

    def __init__(self) -> None:
        super().__init__("Not mapped", "Lists", endpoint="unmapped", url="not-mapped")

    @expose("/")
    def index(self) -> ResponseReturnValue:
        found = sorted(lacks(), key=lambda one: (-one.use.waiting, one.what, one.use.side, one.use.code))
        return self.render("unmapped/index.html", found=found, side_words=SIDE_WORDS)

    @expose("/documents/")
    def documents(self) -> ResponseReturnValue:
        what, side, code = (request.args.get(name, "").replace("\0", "")[:50] for name in ("what", "side", "code"))
        column = COLUMNS.get(what)
        rows: list[Any] = []
        if column and side in set(Side):
            for model in DOCUMENTS:
                rows += db.session.scalars(_carrying(model, column, Side(side), code)).all()
        badges = links_of(rows)
        return self.render("unmapped/documents.html", rows=rows, what=what, code=code, badges=badges)


def links_of(rows: list[Any]) -> dict[tuple[str, int], Link]:
    """The links of documents of several kinds."""
    kinds = {row.kind for row in rows}
    found = {kind: links.links_of(kind, [row.id for row in rows if row.kind == kind]) for kind in kinds}
    return {(kind, key): link for kind, known in found.items() for key, link in known.items()}


#: What is looked at, and the column of a line that holds it.
COLUMNS = {"tax": "tax_code", "account": "account_code", "item": "item_code"}


def lacks() -> Iterator[Lack]:
    """Everything that lines of documents here use and that nothing maps."""
    yield from _taxes()
    yield from _accounts()
    yield from _items()


def _taxes() -> Iterator[Lack]:
    codes = select(TaxRate.code, TaxRate.archived).where(TaxRate.company_id == here().id)
    rates: dict[str, bool] = dict(db.session.execute(codes.order_by(TaxRate.archived.desc())).all())
    query = select(TaxMapping).where(TaxMapping.company_id == here().id)
    mappings = {(row.side, row.code): row for row in db.session.scalars(query)}
    for use in _uses("tax_code"):
        mapping = mappings.get((use.side, use.code))
        if mapping is None and rates.get(use.code) is not False:
            why = "The rate is archived there" if use.code in rates else "No mapping has this code"
            place = url_for("tax_mappings.create_view", side=use.side.value, code=use.code)
            yield Lack("tax", use, f"Tax code {use.code}", why, place, "Map it")
        elif mapping is not None and (mapping.tax_rate is None or mapping.tax_rate.archived):
            why = "Its mapping is not paired" if mapping.tax_rate is None else "Its rate is archived there"
            place = url_for("tax_mappings.edit_view", id=mapping.id)
            yield Lack("tax", use, f"Tax code {use.code}", why, place, "Pair it")


def _accounts() -> Iterator[Lack]:
    query = select(Account.code).where(
        Account.company_id == here().id, Account.archived.is_(False), Account.takes_lines
    )
    active = set(db.session.scalars(query))
    for use in _uses("account_code"):
        if use.code not in active:
            place = url_for("accounts.index_view", archived="all", search=use.code)
            yield Lack(
                "account",
                use,
                f"Account {use.code}",
                "Archived, not there, or not for lines",
                place,
                "Look at the accounts",
            )


def _items() -> Iterator[Lack]:
    """Lines without an account, whose item nothing maps either."""
    defaults = LineDefaults(db.session(), here().id)
    for use in _uses("item_code", without_account=True):
        if defaults.account_code(use.side, Bare(use.code)):
            continue
        item, why = defaults.item(use.code), "No account, and no default"
        if item is None:
            place = url_for("settings.index", tab="invoices" if use.side is Side.SALES else "suppliers")
            title = f"Item {use.code}" if use.code else "Lines without an item"
            yield Lack("item", use, title, why, place, "Choose a default")
        else:
            place = url_for("account_mappings.create_view", side=use.side.value, item=item.id)
            yield Lack("item", use, f"Item {item}", why, place, "Map it")


def _uses(column: str, without_account: bool = False) -> Iterator[Use]:
    """How many documents that are not integrated carry each code, by side."""
    counts: dict[tuple[Side, str], list[int]] = {}
    for model in DOCUMENTS:
        line = model.line
        code = func.coalesce(getattr(line, column), "")
        side = literal(model.side.value) if isinstance(model.side, Side) else model.side
        waits = func.count(func.distinct(case((model.status == Status.APPROVED, model.id))))
        query = (
            select(side, code, func.count(func.distinct(model.id)), waits)
            .join(model, model.id == line.document_id)
            .where(_still_here(model))
            .group_by(side, code)
        )
        query = query.where(line.account_code.is_(None)) if without_account else query.where(code != "")
        for found, text, documents, waiting in db.session.execute(query):
            total = counts.setdefault((Side(found), text), [0, 0])
            total[0] += documents
            total[1] += waiting
    for (found_side, text), (documents, waiting) in counts.items():
        yield Use(found_side, text, documents, waiting)


def _still_here(model: Any) -> ColumnElement[bool]:
    """Documents of this company that have still to go: not voided, and not integrated."""
    connection = links.connection_here()
    integrated = exists().where(
        Link.connection_id == (connection.id if connection else None),
        Link.kind == model.kind,
        Link.record_id == model.id,
        Link.external_id.is_not(None),
    )
    owned: ColumnElement[bool] = model.company_id == here().id
    return owned & ~model.voided & ~integrated


def _carrying(model: Any, column: str, side: Side, code: str) -> Any:
    """The documents that carry a code, those that wait first."""
    line = model.line
    on_line = exists().where(line.document_id == model.id, func.coalesce(getattr(line, column), "") == code)
    if column == "item_code":
        on_line = on_line.where(line.account_code.is_(None))
    query = select(model).where(_still_here(model), on_line)
    if isinstance(model.side, Side):
        query = query if model.side is side else query.where(literal(False))
    else:
        query = query.where(model.side == side)
    return query.order_by((model.status == Status.APPROVED).desc(), model.date.desc(), model.id.desc()).limit(MOST)
