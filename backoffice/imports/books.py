"""What a company's books know: the parties, items, accounts, taxes, tracking and documents that rows may name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from backoffice.database import folded
from backoffice.imports.values import CellError, shown
from backoffice.models import (
    Account,
    Connection,
    Contact,
    Item,
    Link,
    Record,
    Side,
    TaxMapping,
    TaxRate,
    TrackingCategory,
    TrackingOption,
)

#: Names are looked up in lots of so many.
LOT = 500


@dataclass(frozen=True)
class Party:
    """As much of a contact as rows are compared with."""

    id: int
    name: str
    archived: bool


class Parties:
    """The contacts of a company, found by number, e-mail or name."""

    def __init__(self, session: Session, company_id: int) -> None:
        self._by: dict[str, dict[str, list[Party]]] = {key: defaultdict(list) for key in ("number", "email", "name")}
        self._by_id: dict[int, Party] = {}
        columns = (Contact.id, Contact.name, Contact.archived, Contact.number, Contact.email, Contact.name_key)
        for id_, name, archived, number, email, key in session.execute(
            select(*columns).where(Contact.company_id == company_id).order_by(Contact.id)
        ):
            party = self._by_id[id_] = Party(id_, name, archived)
            for by, value in (("number", number), ("email", folded(email)), ("name", key)):
                if value:
                    self._by[by][value].append(party)

    def name(self, party_id: int) -> str:
        """What a contact of the company is called."""
        return self._by_id[party_id].name

    def find(self, number: str, email: str, name: str) -> Party | None:
        """The contact that a row means; None where there is none. Raises: CellError where it cannot be told which."""
        asked = [("number", number), ("email", folded(email)), ("name", folded(name)[:255])]
        hits = [(by, self._by[by].get(value, [])) for by, value in asked if value]
        active = [(by, [party for party in found if not party.archived]) for by, found in hits]
        certain = [(by, found[0]) for by, found in active if len(found) == 1]
        if len({party.id for _, party in certain}) > 1:
            said = " and ".join(f"by {_words(by)} it is {party.name}" for by, party in certain)
            raise CellError(f"is two different ones here: {said}. Correct one of them.")
        if certain:
            return certain[0][1]
        for by, found in active:
            if found:
                raise CellError(
                    f"could be any of {len(found)} that have this {_words(by)}. Add the number of the right one."
                )
        for _, found in hits:
            if found:
                raise CellError(f"{found[0].name} is archived here. Restore it, or name another one.")
        return None


def _words(by: str) -> str:
    return {"email": "e-mail"}.get(by, by)


class Codes:
    """The items, accounts, tax codes and tracking options that lines of one side may name."""

    def __init__(self, session: Session, company_id: int, side: Side | None) -> None:
        self.items = _spelled(session.execute(_active(Item, Item.code, company_id)).scalars())
        accounts = session.execute(
            _active(Account, Account.code, company_id).add_columns(Account.name).where(Account.takes_lines)
        ).all()
        self.accounts = _spelled(code for code, _ in accounts)
        self._account_names = {
            folded(said): code for code, name in accounts for said in (name, f"{code} {name}", f"{code} - {name}")
        }
        ours = select(TaxMapping.code, TaxMapping.name).where(TaxMapping.company_id == company_id)
        theirs = _active(TaxRate, TaxRate.code, company_id).add_columns(TaxRate.name)
        if side:
            ours = ours.where(TaxMapping.side == side)
            theirs = theirs.where(TaxRate.fits(side))
        taxes = [*session.execute(theirs).all(), *session.execute(ours).all()]
        self.taxes = _spelled(code for code, _ in taxes)
        self._tax_names = {folded(name): code for code, name in taxes}
        self._options = _options(session, company_id)

    def item(self, cell: str) -> str:
        """The code of an item. Raises: CellError."""
        return _known(self.items, cell, "There is no item {}. Add it first, or leave the cell empty.")

    def account(self, cell: str) -> str:
        """The code of an account, named by code or name. Raises: CellError."""
        code = self._account_names.get(folded(cell))
        return code or _known(
            self.accounts,
            cell,
            "There is no active account {} that takes lines. Name another one that is on the page Accounts.",
        )

    def tax(self, cell: str) -> str:
        """A tax code, named by code or name. Raises: CellError."""
        code = self._tax_names.get(folded(cell))
        said = "There is no tax code {} for this side. Add it on the page Tax-rate mappings, or name another one."
        return code or _known(self.taxes, cell, said)

    def tracking(self, cell: str) -> int:
        """A tracking option, named `Option` or `Category: Option`. Raises: CellError."""
        found = self._options.get(folded(cell), [])
        if len(found) == 1:
            return found[0]
        if found:
            raise CellError(f"“{shown(cell)}” is an option of several categories. Write it as Category: {shown(cell)}.")
        raise CellError(f"“{shown(cell)}” is no tracking option. Name one that is on the page Tracking.")


def _active(model: Any, column: Any, company_id: int) -> Any:
    return select(column).where(model.company_id == company_id, model.archived.is_(False)).order_by(model.id)


def _spelled(codes: Iterable[str]) -> dict[str, str]:
    """Codes as they are kept, by how they are compared."""
    return {folded(code): code for code in codes}


def _known(codes: dict[str, str], cell: str, said: str) -> str:
    if (found := codes.get(folded(cell))) is None:
        raise CellError(said.format(f"“{shown(cell)}”"))
    return found


def _options(session: Session, company_id: int) -> dict[str, list[int]]:
    """Tracking options by their name, and by their category's and theirs."""
    found: dict[str, list[int]] = defaultdict(list)
    query = (
        select(TrackingOption.id, TrackingOption.name, TrackingCategory.name)
        .join(TrackingCategory, TrackingOption.category_id == TrackingCategory.id)
        .where(TrackingOption.company_id == company_id, TrackingOption.archived.is_(False))
    )
    for id_, option, category in session.execute(query):
        found[folded(option)].append(id_)
        if folded(f"{category}: {option}") != folded(option):
            found[folded(f"{category}: {option}")].append(id_)
    return found


def kept_by_provider(session: Session, model: type[Record], company_id: int) -> set[int]:
    """The records of a kind that come in one way and are integrated: nothing here changes them."""
    connection = session.scalar(select(Connection).where(Connection.company_id == company_id, Connection.active))
    route = session.info.get("routes", {}).get((connection.provider, model.kind)) if connection else None
    if connection is None or route is None or route.direction.sends:
        return set()
    query = select(Link.record_id).where(
        Link.connection_id == connection.id, Link.kind == model.kind, Link.external_id.is_not(None)
    )
    return set(session.scalars(query))


def lots(rows: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Rows in lists of at most this size."""
    iterator = iter(rows)
    while batch := list(islice(iterator, size)):
        yield batch
