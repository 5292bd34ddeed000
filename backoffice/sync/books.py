"""Books: what a mapper may ask about a company while it writes a record down, each thing read once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from backoffice.models import CompanySettings, Connection, Document, LineDefaults, Link, Record, TrackingOption
from backoffice.models.document import NumberKey
from backoffice.models.dues import PAID_BY, Promised, left_there, promised
from backoffice.models.number import Holder, holders

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
        self._promised: dict[tuple[str, int], list[Promised]] = {}
        self._holders: dict[str, dict[NumberKey, list[Holder]]] = {}

    def left(self, document: Document, record: Record) -> Decimal | None:
        """What of a document a payment or an allocation may take there, after those that wait before it."""
        key = (document.kind, document.id)
        if key not in self._promised:
            self._look_ahead(document.kind, {document.id})
        before = (each.amount for each in self._promised[key] if each.before(record))
        return left_there(document.amount_due, sum(before, Decimal(0)))

    def _look_ahead(self, kind: str, ids: set[int]) -> None:
        found = promised(self._session, self.connection_id, kind, ids)
        self._promised |= {(kind, document_id): found.get(document_id, []) for document_id in ids}

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
        if mapper.moves_money:
            for ref in mapper.refs:
                if ref.kind in PAID_BY:
                    self._look_ahead(ref.kind, {getattr(record, ref.column) for record in found} - {None})
        if issubclass(mapper.model, Document):
            names = {record.name for record in found if record.name}
            kept_as = mapper.keeps_number
            self._holders[mapper.kind] = holders(self._session, mapper.model, self.company_id, names, kept_as)

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

    def in_use(self, kind: str, record_id: int) -> bool:
        """Whether a record of ours is there, and has not ended."""
        link = self.link(kind, record_id)
        return link is not None and link.external_id is not None and link.gone is None

    @cached_property
    def options(self) -> dict[int, TrackingOption]:
        """Tracking options by their id here."""
        query = select(TrackingOption).where(TrackingOption.company_id == self.company_id)
        return {each.id: each for each in self._session.scalars(query)}

    def namesake(self, document: Document) -> Holder | None:
        """Another document that has its number: one that is there, or a live one that was written before."""
        key = document.number_key(document.side, document.name, document.contact_id)
        known = self._holders.get(document.kind, {})
        if key not in known:
            known = holders(self._session, type(document), self.company_id, [document.name])
        others = (each for each in known.get(key, ()) if each.id != document.id)
        return next((each for each in others if self._has_number(document, each)), None)

    def _has_number(self, document: Document, other: Holder) -> bool:
        before = other.id < document.id and not other.ended
        return before or self.external_id(document.kind, other.id) is not None
