"""Books: what a mapper may ask about a company while it writes a record down, each thing read once."""

from __future__ import annotations

import datetime as dt
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from backoffice.clock import now
from backoffice.database import folded
from backoffice.models import KINDS, Company, CompanySettings, Connection, Document, LineDefaults, Link, TrackingOption


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
        self._external_ids: dict[tuple[str, int], str | None] = {}

    def external_id(self, kind: str, record_id: int) -> str | None:
        """The id there of a record of ours; None while it has none."""
        key = (kind, record_id)
        if key not in self._external_ids:
            self._external_ids[key] = self._session.scalar(
                select(Link.external_id).filter_by(connection_id=self.connection_id, kind=kind, record_id=record_id)
            )
        return self._external_ids[key]

    def link(self, kind: str, record_id: int) -> Link | None:
        """How a record of ours stands with the organisation."""
        where = {"connection_id": self.connection_id, "kind": kind, "record_id": record_id}
        return self._session.scalar(select(Link).filter_by(**where))

    def record(self, kind: str, record_id: int) -> Any:
        """A record of ours by its kind and id."""
        return self._session.get_one(KINDS[kind], record_id)

    @cached_property
    def options(self) -> dict[int, TrackingOption]:
        """Tracking options by their id here."""
        query = select(TrackingOption).where(TrackingOption.company_id == self.company_id)
        return {each.id: each for each in self._session.scalars(query)}

    @cached_property
    def today(self) -> dt.date:
        """The day by the company's own clock."""
        zone = self._session.scalar(select(Company.time_zone).where(Company.id == self.company_id))
        return now().astimezone(ZoneInfo(zone or "UTC")).date()

    def namesake(self, document: Document, same_party: bool) -> bool:
        """Whether its number belongs to another live document of the kind: one that is there, or was written before.

        Numbers are one's own within the kind, or (`same_party`) within what one party sent.
        """
        model: Any = type(document)
        there = exists().where(
            Link.connection_id == self.connection_id,
            Link.kind == document.kind,
            Link.record_id == model.id,
            Link.external_id.is_not(None),
        )
        query = select(model.id).where(
            model.company_id == self.company_id,
            model.name_key == folded(document.name)[:255],
            model.archived.is_(False),
            model.id != document.id,
            there | (model.id < document.id),
        )
        if same_party:
            query = query.where(model.contact_id == document.contact_id)
        return self._session.scalar(query.limit(1)) is not None
