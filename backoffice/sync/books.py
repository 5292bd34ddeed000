"""Books: what a mapper may ask about a company while it writes a record down, each thing read once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from backoffice.database import folded
from backoffice.models import CompanySettings, Connection, Document, LineDefaults, Link, Record, TrackingOption

if TYPE_CHECKING:
    from backoffice.sync.mapper import Mapper


class Books:
    """One company and its organisation, as far as the database knows them just now."""

    def __init__(self, session: Session, connection: Connection, settings: CompanySettings, address: str = "") -> None:
        self._session = session
        self.connection_id, self.company_id = connection.id, connection.company_id
        self.base_currency = connection.base_currency
        self.currencies = connection.currencies
        self.locked_until: dt.date | None = connection.locked_until
        self.settings = settings
        #: Where people reach this application, with a scheme.
        self.address = address
        #: Accounts, items and tax by their codes, and what stands in for what a line does not say.
        self.lines = LineDefaults(session, self.company_id)
        self._links: dict[tuple[str, int], Link | None] = {}
        self._outgoing: set[tuple[str, int]] = set()
        self._namesakes: dict[tuple[str, str], list[Any]] = {}

    def look_up(self, mapper: Mapper, records: Iterable[Record]) -> None:
        """Read at once what will be asked of these records of one kind: their links, and those of what they name."""
        found = list(records)
        ids = {mapper.kind: {record.id for record in found}}
        for ref in mapper.refs:
            named = {getattr(record, ref.column) for record in found} - {None}
            ids[ref.kind] = ids.get(ref.kind, set()) | named
        for kind, wanted in ids.items():
            query = select(Link).where(Link.connection_id == self.connection_id, Link.kind == kind)
            links = {link.record_id: link for link in self._session.scalars(query.where(Link.record_id.in_(wanted)))}
            self._links |= {(kind, record_id): links.get(record_id) for record_id in wanted}
        model: Any = mapper.model
        outgoing = select(model.id).where(model.id.in_(ids[mapper.kind]), model.outgoing(self.settings))
        self._outgoing |= {(mapper.kind, record_id) for record_id in self._session.scalars(outgoing)}
        if issubclass(mapper.model, Document):
            self._find_namesakes(mapper.model, {record.name_key for record in found})

    def _find_namesakes(self, model: type[Document], names: Collection[str]) -> None:
        there = exists().where(
            Link.connection_id == self.connection_id,
            Link.kind == model.kind,
            Link.record_id == model.id,
            Link.external_id.is_not(None),
        )
        columns: list[Any] = [model.name_key, model.id, model.contact_id, there.label("there")]
        columns += [model.side] if "side" in model.table().c else []
        query = select(*columns).where(
            model.company_id == self.company_id, model.name_key.in_(names), model.archived.is_(False)
        )
        found: dict[str, list[Any]] = {name: [] for name in names}
        for row in self._session.execute(query):
            found[row.name_key].append(row)
        self._namesakes |= {(model.kind, name): rows for name, rows in found.items()}

    def wanted(self, record: Record, link: Link) -> bool:
        """Whether the settings let a record that was looked up be sent, as they are now."""
        sent = self.settings.sends(record.kind)
        return sent and (link.external_id is not None or (record.kind, record.id) in self._outgoing)

    def link(self, kind: str, record_id: int) -> Link | None:
        """How a record of ours stands with the organisation."""
        key = (kind, record_id)
        if key not in self._links:
            where = {"connection_id": self.connection_id, "kind": kind, "record_id": record_id}
            self._links[key] = self._session.scalar(select(Link).filter_by(**where))
        return self._links[key]

    def external_id(self, kind: str, record_id: int) -> str | None:
        """The id there of a record of ours; None while it has none."""
        link = self.link(kind, record_id)
        return link.external_id if link else None

    @cached_property
    def options(self) -> dict[int, TrackingOption]:
        """Tracking options by their id here."""
        query = select(TrackingOption).where(TrackingOption.company_id == self.company_id)
        return {each.id: each for each in self._session.scalars(query)}

    def namesake(self, document: Document, same_party: bool) -> bool:
        """Whether its number belongs to another live document of the kind: one that is there, or was written before.

        Numbers are one's own within the kind, or (`same_party`) within what one party sent.
        """
        key = (document.kind, folded(document.name)[:255])
        if key not in self._namesakes:
            self._find_namesakes(type(document), [key[1]])
        others = [row for row in self._namesakes[key] if row.id != document.id]
        others = [row for row in others if getattr(row, "side", document.side) == document.side]
        if same_party:
            others = [row for row in others if row.contact_id == document.contact_id]
        return any(row.there or row.id < document.id for row in others)
