"""The ports: what the engine asks of an accounting system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from backoffice.models import Connection
from backoffice.sync.mapper import Mapper, Payload, Refusal


@dataclass(frozen=True)
class Page:
    """One answer of a list.

    `page_count` and `item_count` are the provider's own figures; None where it gives none.
    `provider_time` is the provider's clock when it answered.
    """

    rows: Sequence[Payload]
    provider_time: datetime
    page_count: int | None = None
    item_count: int | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of one record of a batch: the payload as it is there now, or a refusal."""

    payload: Payload | None = None
    refusal: Refusal | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Place:
    """What an address of a provider's own pages leads to."""

    external_id: str
    #: Of which kind it is, where the address says so.
    kind: str | None = None
    #: The organisation's name in addresses, where it stands there.
    short_code: str = ""


class Client(Protocol):
    """One organisation of one provider, for the length of a job.

    Every method makes exactly one call unless it says otherwise, and may raise any of
    RateLimitedError, UnansweredError, TransientError, RejectedError, UnreadableError, ConnectionLostError.
    """

    #: How many calls it has made.
    calls: int
    #: What the provider last said is left: (today, this minute); None where it has not said.
    budget: tuple[int | None, int | None]
    #: Its own name of its last answer, which its support asks for; None where it gave none.
    correlation: str | None

    def page(self, resource: str, number: int, since: datetime | None = None) -> Page:
        """One page of a paged list, newest change first, archived rows included."""
        ...

    def whole(self, resource: str) -> Page:
        """A list that comes in one call, archived rows included."""
        ...

    def by_ids(self, resource: str, ids: Sequence[str], since: datetime | None = None) -> Sequence[Payload]:
        """The rows with these ids, `Provider.ids_per_call` at most. Rows that are not there are left out.

        With `since` none of them has changed before; a list that takes few ids in a call may be read by that instead.
        """
        ...

    def find(self, mapper: Mapper, payload: Payload) -> Sequence[Payload]:
        """The rows there that the look-up key of this payload of ours finds, archived ones included."""
        ...

    def send(self, mapper: Mapper, action: str, payloads: Sequence[Payload], key: str) -> Sequence[Outcome]:
        """Create or update (`action`) a batch under an idempotency key; one outcome a payload, in order.

        A RejectedError means that the request as a whole was turned down and nothing of it was done.
        """
        ...


@dataclass(frozen=True)
class Organisation:
    """An organisation that a consent covers. `consent_id` is the id of its being connected."""

    external_id: str
    name: str
    consent_id: str = ""
    country: str = ""
    base_currency: str = ""
    short_code: str = ""
    time_zone: str = ""
    #: Nothing dated up to this day may be written there any more.
    locked_until: date | None = None
    #: Whether the provider gives it a new id from time to time.
    demo: bool = False


@dataclass(frozen=True)
class Consent:
    """Where to send a person to consent, and what has to be remembered until they come back."""

    url: str
    state: str
    verifier: str


@dataclass(frozen=True)
class Granted:
    """A consent that has been given: its stored tokens, and the organisations chosen in it."""

    authorisation_id: int
    organisations: tuple[Organisation, ...]
    #: Whether these are the ones chosen just now; else they are all that the consent covers.
    certain: bool = True


@dataclass(frozen=True)
class Finding:
    """What a test of the connection found: whether it works, what is so, what to do."""

    ok: bool
    what: str
    todo: str = ""


@dataclass(frozen=True)
class Notified:
    """One thing that the provider says was changed: the row of a list, in which organisation, when by its clock."""

    organisation: str
    resource: str
    external_id: str
    changed_at: datetime


@dataclass(frozen=True)
class Notices:
    """What a delivery to our webhook says, and how much of it makes no sense or is about nothing that is kept here."""

    told: tuple[Notified, ...]
    odd: int = 0


class Subject(StrEnum):
    """What is read of an organisation besides the lists of its records."""

    ORGANISATION = "organisation"
    CURRENCIES = "currencies"


class Provider(Protocol):
    """An accounting system: its words, its mappers, and how to reach an organisation of it."""

    #: The written-out key that stands in the database.
    key: str
    name: str
    mappers: tuple[Mapper, ...]
    #: How long it remembers the answer to an idempotency key; we trust a little less.
    key_memory: timedelta
    #: Ids in one look-up by ids.
    ids_per_call: int
    #: Rows on one page.
    page_size: int
    #: Calls that it allows under way at a time, and in a minute.
    in_flight: int
    minute_limit: int
    #: So many of the calls of a day are kept for what people do and for what changes.
    day_reserve: int
    #: Resources that come page by page; the others come whole, in one call.
    paged: frozenset[str]
    #: The resources that are no lists of records, and what each one is about.
    subjects: Mapping[str, Subject]
    #: Our app's name there: consents and webhooks are its.
    client_id: str
    #: The header in which it signs what it delivers, and the lists whose changes it tells of; without any, none.
    signature_header: str
    notifies: frozenset[str]

    def client(self, connection: Connection, urgent: bool) -> Client:
        """A client for an organisation. An urgent one may use the slots kept free for people."""
        ...

    def configured(self) -> str | None:
        """None when it can be linked; else what is missing and who must set it."""
        ...

    def begin(self, redirect_uri: str) -> Consent:
        """The first step of linking; makes no call. Raises: ConfigurationError."""
        ...

    def finish(self, redirect_uri: str, answer: str, state: str, verifier: str) -> Granted:
        """The last step: `answer` is the whole address the person came back to. Keeps the tokens.

        Raises: ConsentError in words for people: cancelled, expired, wrong state, plan's cap reached.
        """
        ...

    def custom(self) -> Granted:
        """Link by client credentials, without a person. Raises: ConfigurationError, ConsentError."""
        ...

    def organisation(self, connection: Connection) -> Organisation:
        """Name, country, currency, zone as they are now: one read-only call."""
        ...

    def currencies(self, connection: Connection) -> Sequence[str]:
        """The ISO 4217 codes that the organisation has: one read-only call."""
        ...

    def test(self, connection: Connection) -> Finding:
        """One read-only call; never raises."""
        ...

    def disconnect(self, connection: Connection) -> None:
        """End this one connection on the provider's side; with the last of a consent, revoke it too."""
        ...

    def keep_alive(self) -> int:
        """Refresh the tokens of companies that rest before they expire; says how many."""
        ...

    def record_url(self, connection: Connection, link_kind: str, external_id: str) -> str | None:
        """Where a person sees this record on the provider's own pages; None where it has no such page."""
        ...

    def look(self, connection: Connection, mapper: Mapper, text: str, external_id: str | None) -> Sequence[Payload]:
        """The rows of a kind there that have this id, or else may be what a person calls so: one read-only call.

        Raises: as every call of a client.
        """
        ...

    def place(self, text: str) -> Place | None:
        """What an address of the provider's own pages leads to, or an id of theirs names; None for any other text.

        Makes no call.
        """
        ...

    def missing_scope(self, connection: Connection, kind: str, sends: bool) -> str:
        """What the consent lacks for records of a kind to be sent, or brought in; empty if it lacks nothing."""
        ...

    def statuses(self, kind: str) -> Sequence[str]:
        """The states that documents of a kind have there, as they are written there."""
        ...

    def notices(self, raw: bytes, signature: str, key: str) -> Notices | None:
        """What was delivered to our webhook, whatever it looks like; None where it is not signed with the key."""
        ...


Providers = Mapping[str, Provider]
