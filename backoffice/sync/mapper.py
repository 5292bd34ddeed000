"""A mapper: how one kind of record looks at one provider, as data where data is enough."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy.orm import Session

from backoffice.models import CompanySettings, Direction, Record, Route

if TYPE_CHECKING:
    from backoffice.sync.books import Books

#: Their JSON for one record, as it came: numbers are Decimal.
Payload = dict[str, Any]


@dataclass(frozen=True)
class Fact:
    """Something we know of the provider: a list of theirs, or one row of it by its id (`Contacts`, its ContactID)."""

    resource: str
    external_id: str | None = None


@dataclass(frozen=True)
class Refusal:
    """Why the provider turns one record down: our words, a cause to group by, the column to mend, their words.

    A column of a line is written `lines.2.account_code`. `fact` is what it rests on, where that may be old.
    """

    message: str
    cause: str
    column: str | None = None
    raw: str = ""
    fact: Fact | None = None


@dataclass(frozen=True)
class Field:
    """A column of ours and the key of theirs that hold the same text, number or truth."""

    column: str
    key: str


@dataclass(frozen=True)
class Ref:
    """A column of ours that names another record, and the key of theirs that holds its external id.

    A row of theirs that names something unknown is set aside, or, if the ref is optional, names nothing.
    """

    column: str
    key: str
    kind: str
    optional: bool = False
    #: Whether what it names is read by its id where it is not known here.
    fetched: bool = False


class Mapper:
    """One kind of record at one provider. Subclass it; override `dump` and `load` where the fields do not do."""

    model: ClassVar[type[Record]]
    #: Their word for the list it comes from.
    resource: ClassVar[str]
    direction: ClassVar[Direction]
    id_key: ClassVar[str]
    #: Columns that identify a record for people, in the order in which they are tried when matching.
    match_by: ClassVar[tuple[str, ...]]
    #: Columns in which two that match are the same as well.
    within: ClassVar[tuple[str, ...]] = ()
    #: Columns by which one of ours is looked up there when an answer never came.
    lookup_key: ClassVar[tuple[str, ...]] = ()
    #: How many records, and how many bytes, one request carries.
    batch_size: ClassVar[int] = 50
    batch_bytes: ClassVar[int] = 3_000_000
    fields: ClassVar[tuple[Field, ...]]
    refs: ClassVar[tuple[Ref, ...]] = ()
    #: The same of a document's lines, whose keys are those of one line.
    line_fields: ClassVar[tuple[Field, ...]] = ()
    line_refs: ClassVar[tuple[Ref, ...]] = ()
    #: Columns that only come in, even where the record is sent.
    theirs: ClassVar[frozenset[str]] = frozenset()
    #: Columns worked out from others on either side: a difference in these alone is none.
    computed: ClassVar[frozenset[str]] = frozenset()
    #: Columns that say where a record stands: taken from them while it is theirs alone, and when it has ended there.
    standing: ClassVar[frozenset[str]] = frozenset()
    #: Columns that are not sent while they are empty here, so that theirs stays.
    stays: ClassVar[frozenset[str]] = frozenset()
    #: Their states in which a document has ended and keeps its number.
    keeps_number: ClassVar[frozenset[str]] = frozenset()
    #: Whether a change there of what we have sent is a question for a person, whoever wins otherwise.
    asks: ClassVar[bool] = False
    #: Whether some of its changes there move no time of change, so that a nightly sync reads its list whole.
    unstamped: ClassVar[bool] = False
    #: Whether sending one changes what is due of the documents that its refs name.
    moves_money: ClassVar[bool] = False
    #: The column that names the record with which its rows come; a row that no longer comes with it is gone.
    parent: ClassVar[str | None] = None
    #: A kind of another list whose rows are named in rows of this one; no notice comes of these themselves.
    carries: ClassVar[str | None] = None
    #: What the provider's API cannot do with it, in sentences.
    limits: ClassVar[tuple[str, ...]] = ()

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

    def knows(self, version: str, moment: datetime) -> bool:
        """Whether the state of this version holds all that was changed up to a moment there; False where unsure."""
        return False

    def carried(self, payload: Payload) -> Mapping[str, Payload]:
        """The rows of the kind that it `carries`, by their ids: as much of each as stands here."""
        return {}

    def load(self, payload: Payload) -> dict[str, Any]:
        """Their row as columns of ours, refs left out. Raises ValueError for what makes no sense."""
        raise NotImplementedError

    def dump(self, record: Record, books: Books) -> Payload:
        """Our record as they want it, its id left out."""
        raise NotImplementedError

    def whole(self, record: Record, books: Books) -> Payload:
        """All of it, also where only a part would be sent."""
        return self.dump(record, books)

    def blocker(self, record: Record, books: Books) -> tuple[str, int] | None:
        """The record that has to be there before this one is sent: its kind and id."""
        named = ((ref.kind, getattr(record, ref.column)) for ref in self.refs)
        return next(((kind, i) for kind, i in named if i is not None and books.external_id(kind, i) is None), None)

    def refresh(self, record: Record, books: Books) -> None:
        """Bring what is computed of a record up to date before it is sent."""

    def size(self, action: str) -> int:
        """How many records one request carries that creates or updates."""
        return self.batch_size

    def complete(self, session: Session, payload: Payload) -> Payload:
        """What is put down of a request, with what is too large to be put down."""
        return payload

    def names(self, payload: Payload) -> dict[str, str | None]:
        """By the columns of its refs, the external ids of what a row names."""
        return {}

    def agreed(self, payload: Payload) -> str:
        """A digest of what we keep of a row and is ours to change: equal means that neither side changed it.

        Raises: ValueError for what makes no sense.
        """
        aside = self.theirs | self.computed | self.standing
        values = {**self.load(payload), **self.names(payload)}
        return digest({column: value for column, value in values.items() if column not in aside})

    def arrived(self, sent: Payload, there: Payload) -> bool:
        """Whether a row of theirs is what was sent, as far as we keep it. Raises: ValueError."""
        return self.agreed(sent) == self.agreed(there)

    def in_time(self, values: dict[str, Any], settings: CompanySettings) -> bool:
        """Whether the company brings in rows of this kind and of this date."""
        return settings.brings_in(self.kind)

    def welcome(self, values: dict[str, Any], gone: str | None, settings: CompanySettings) -> bool:
        """Whether a row that matches nothing here becomes a record of ours."""
        return self.in_time(values, settings)

    def unwanted(self, settings: CompanySettings) -> frozenset[str]:
        """Columns that the company does not want to be brought in; they stay empty."""
        return frozenset()

    def doubtful(self, record: Record, values: dict[str, Any]) -> bool:
        """Whether a row that matches a record by its key may be another one all the same."""
        return False

    def gone(self, payload: Payload) -> str | None:
        """`archived` or `deleted` if it is so there."""
        return None

    def merged_into(self, payload: Payload) -> str | None:
        """The external id of the row that this one was merged into there."""
        return None

    def check(self, record: Record, gone: str | None, books: Books) -> Sequence[Refusal]:
        """What the provider would refuse, before any call."""
        return ()

    def check_ending(self, record: Record, books: Books) -> Sequence[Refusal]:
        """What the provider would refuse of voiding a record, or of taking it back."""
        return ()

    def archived_twin(self) -> Refusal:
        """Why a record that waits cannot be created while an archived one there matches it."""
        return Refusal("One that matches this is archived there.", "archived_there", self.match_by[-1])


def digest(payload: Any) -> str:
    """The same for the same content, whatever the order of keys."""
    text = json.dumps(payload, sort_keys=True, default=str, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def as_kept(payload: Payload) -> Payload:
    """A row as it is kept: exact numbers become text."""
    kept: Payload = json.loads(json.dumps(payload, default=str))
    return kept


def push_order(mappers: Sequence[Mapper]) -> list[Mapper]:
    """Mappers that send, each one after those that its refs point to."""
    by_kind = {mapper.kind: mapper for mapper in mappers if mapper.direction.sends}
    graph = {kind: {ref.kind for ref in mapper.refs if ref.kind in by_kind} for kind, mapper in by_kind.items()}
    return [by_kind[kind] for kind in TopologicalSorter(graph).static_order()]


def routes(mappers: Mapping[str, Sequence[Mapper]]) -> dict[tuple[str, str], Route]:
    """By provider and kind: which list it travels in and whose word is final."""
    return {(key, m.kind): Route(m.resource, m.direction) for key, ms in mappers.items() for m in ms}
