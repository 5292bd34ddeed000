"""A mapper: how one kind of record looks at one provider, as data where data is enough."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any, ClassVar

from backoffice.models import Direction, Record, Route

#: Their JSON for one record, as it came: numbers are Decimal.
Payload = dict[str, Any]


@dataclass(frozen=True)
class Refusal:
    """Why the provider turned one record down: our words, a cause to group by, the column to mend, their words."""

    message: str
    cause: str
    column: str | None = None
    raw: str = ""


@dataclass(frozen=True)
class Field:
    """A column of ours and the key of theirs that hold the same text, number or truth."""

    column: str
    key: str


@dataclass(frozen=True)
class Ref:
    """A column of ours that names another record, and the key of theirs that holds its external id."""

    column: str
    key: str
    kind: str


class Mapper:
    """One kind of record at one provider. Subclass it; override `dump` and `load` where the fields do not do."""

    model: ClassVar[type[Record]]
    #: Their word for the list it comes from.
    resource: ClassVar[str]
    direction: ClassVar[Direction]
    id_key: ClassVar[str]
    #: Columns that identify a record for people, in the order in which they are tried when matching.
    match_by: ClassVar[tuple[str, ...]]
    #: Columns by which one of ours is looked up there when an answer never came.
    lookup_key: ClassVar[tuple[str, ...]] = ()
    #: How many records, and how many bytes, one request carries.
    batch_size: ClassVar[int] = 50
    batch_bytes: ClassVar[int] = 3_000_000
    fields: ClassVar[tuple[Field, ...]]
    refs: ClassVar[tuple[Ref, ...]] = ()
    #: Columns that only come in, even where the record is sent.
    theirs: ClassVar[frozenset[str]] = frozenset()

    @property
    def kind(self) -> str:
        return self.model.kind

    def rows(self, payload: Payload) -> Sequence[Payload]:
        """The rows of this kind in one row of the resource; usually the row itself."""
        return (payload,)

    def external_id(self, payload: Payload) -> str:
        """Raises: KeyError where a row has no id."""
        return str(payload[self.id_key])

    def version(self, payload: Payload) -> str:
        """Their word for the state of a row: its time of change, or a digest where it has none."""
        return digest(payload)

    def load(self, payload: Payload) -> dict[str, Any]:
        """Their row as columns of ours, refs left out. Raises ValueError for what makes no sense."""
        raise NotImplementedError

    def dump(self, record: Record) -> Payload:
        """Our record as they want it, refs and id left out."""
        raise NotImplementedError

    def gone(self, payload: Payload) -> str | None:
        """`archived` or `deleted` if it is so there."""
        return None

    def check(self, record: Record, gone: str | None) -> Refusal | None:
        """What the provider would refuse, before any call."""
        return None

    def archived_twin(self) -> Refusal:
        """Why a record that waits cannot be created while an archived one there matches it."""
        return Refusal("One that matches this is archived there.", "archived_there", self.match_by[-1])


def digest(payload: Any) -> str:
    """The same for the same content, whatever the order of keys."""
    text = json.dumps(payload, sort_keys=True, default=str, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def push_order(mappers: Sequence[Mapper]) -> list[Mapper]:
    """Mappers that send, each one after those that its refs point to."""
    by_kind = {mapper.kind: mapper for mapper in mappers if mapper.direction.sends}
    graph = {kind: {ref.kind for ref in mapper.refs if ref.kind in by_kind} for kind, mapper in by_kind.items()}
    return [by_kind[kind] for kind in TopologicalSorter(graph).static_order()]


def routes(mappers: Mapping[str, Sequence[Mapper]]) -> dict[tuple[str, str], Route]:
    """By provider and kind: which list it travels in and whose word is final."""
    return {(key, m.kind): Route(m.resource, m.direction) for key, ms in mappers.items() for m in ms}
