"""Xero as the rest of the application knows it: linking, testing, ending, and clients for its organisations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial

import structlog
from redis import Redis
from sqlalchemy.orm import Session, sessionmaker

from backoffice.clock import now
from backoffice.config import Settings
from backoffice.errors import BackofficeError, ConnectionLostError, ConsentError, TransientError, UnreadableError
from backoffice.models import Connection, Grant
from backoffice.providers.consents import Consents
from backoffice.providers.grants import TokenSet
from backoffice.providers.limits import Budget, Counts, Reading
from backoffice.providers.oauth import Address, Identity
from backoffice.providers.tokens import Tokens
from backoffice.providers.xero import addresses
from backoffice.providers.xero.client import Access, XeroClient
from backoffice.providers.xero.connections import Connections
from backoffice.providers.xero.document import STATUSES, DocumentMapper
from backoffice.providers.xero.finding import described, explained
from backoffice.providers.xero.kinds import MAPPERS
from backoffice.providers.xero.webhooks import CATEGORIES, SIGNATURE, notices, signed
from backoffice.sync.mapper import Mapper, Payload
from backoffice.sync.provider import Client, Consent, Finding, Granted, Notices, Organisation, Place, Subject

log = structlog.get_logger()

#: Tokens that nobody has used for so long are renewed; Xero lets them die after sixty days.
RESTING = timedelta(days=20)
#: By kind, the scope that it needs; the older scope covers all of them.
SCOPES = {
    **dict.fromkeys(("purchase_order", "bill", "invoice", "credit_note", "allocation"), "accounting.invoices"),
    **dict.fromkeys(("payment", "prepayment", "overpayment"), "accounting.payments"),
}
OLDER_SCOPE = "accounting.transactions"
NO_ORGANISATION = (
    "Xero let us in, but to no organisation. Choose one when you sign in. If Xero offers none, this application has as "
    "many organisations as its plan at Xero allows, or yours has two uncertified applications already: who runs this "
    "deployment can choose a larger plan at developer.xero.com or unlink a company that is no longer needed; "
    "the organisation's owner can remove an application under Connected Apps."
)


class Xero:
    """The port `Provider`. Call it with no transaction open: it writes tokens in transactions of its own."""

    key = "xero"
    name = "Xero"
    mappers = MAPPERS
    #: Xero remembers for six; a token may have to be renewed twice before the request is on its way.
    key_memory = timedelta(minutes=3)
    #: More would make the address too long.
    ids_per_call = 40
    paged = frozenset(
        {"Contacts", "PurchaseOrders", "Invoices", "CreditNotes", "Payments", "Overpayments", "Prepayments"}
    )
    subjects: Mapping[str, Subject] = {"Organisation": Subject.ORGANISATION, "Currencies": Subject.CURRENCIES}
    signature_header = SIGNATURE
    notifies = frozenset(CATEGORIES.values())

    def __init__(self, settings: Settings, redis: Redis, sessions: sessionmaker[Session]) -> None:
        self._settings = settings
        self.client_id = settings.xero_client_id
        self.in_flight, self.minute_limit = settings.xero_in_flight, settings.xero_minute_limit
        self.day_reserve = settings.xero_day_limit // 25
        self.page_size = settings.page_size
        self._counts = Counts(redis)
        self._identity = Identity(_address(settings), settings)
        self._connections = Connections(settings)
        lease = settings.connect_timeout + settings.read_timeout + 10
        self._consents = Consents(self.key, sessions)
        self._tokens = Tokens(sessions, self._consents, self._identity, lease)

    def client(self, connection: Connection, urgent: bool) -> Client:
        return self._client(connection, urgent)

    def _client(self, connection: Connection, urgent: bool) -> XeroClient:
        access = Access(self._settings, self._tokens, self._consents, self._connections, self._budget(connection))
        return XeroClient(connection, urgent, access)

    def reading(self, connection: Connection) -> Reading:
        """What is left of the organisation's calls. Raises: DependencyError without Redis."""
        return self._budget(connection).reading()

    def _budget(self, connection: Connection) -> Budget:
        s = self._settings
        return Budget(
            self._counts,
            self.key,
            connection.external_id,
            minute=s.xero_minute_limit,
            day=s.xero_day_limit,
            in_flight=s.xero_in_flight,
            slot_seconds=s.slot_seconds,
        )

    def configured(self) -> str | None:
        return self._identity.configured()

    def begin(self, redirect_uri: str) -> Consent:
        return Consent(*self._identity.begin(redirect_uri))

    def finish(self, redirect_uri: str, answer: str, state: str, verifier: str) -> Granted:
        tokens = self._identity.exchange(redirect_uri, answer, state, verifier)
        return self._granted(tokens, Grant.AUTHORISATION_CODE)

    def custom(self) -> Granted:
        return self._granted(self._identity.client_credentials(), Grant.CLIENT_CREDENTIALS)

    def _granted(self, tokens: TokenSet, grant: Grant) -> Granted:
        """Keep the tokens first: from now on the older ones of the same person may be dead."""
        claims = tokens.claims()
        subject = str(claims.get("xero_userid") or claims.get("sub") or claims.get("client_id") or "")
        if not subject:
            raise UnreadableError
        authorisation_id = self._consents.store(self._settings.xero_client_id, subject, grant, tokens)
        covered = self._connections.covered(tokens.access_token)
        self._consents.revive(authorisation_id, [each.organisation for each in covered])
        event = claims.get("authentication_event_id")
        chosen = [each for each in covered if event and each.event == event]
        if not covered:
            raise ConsentError(NO_ORGANISATION)
        # A custom connection covers the one organisation it was made for; nobody chooses.
        certain = bool(chosen) or grant is Grant.CLIENT_CREDENTIALS
        return Granted(authorisation_id, tuple(each.organisation for each in chosen or covered), certain)

    def organisation(self, connection: Connection) -> Organisation:
        return described(self._client(connection, urgent=True).organisation(), connection)

    def currencies(self, connection: Connection) -> Sequence[str]:
        return self._client(connection, urgent=True).currencies()

    def test(self, connection: Connection) -> Finding:
        try:
            organisation = self.organisation(connection)
        except BackofficeError as error:
            return explained(error)
        return Finding(True, f"Xero answers for {organisation.name}.")

    def disconnect(self, connection: Connection) -> None:
        """End the connection there; the consent only with its last connection, for all of them hang on it.

        Raises: TransientError; a connection that has ended already is no error.
        """
        if connection.authorisation_id is None:
            return
        try:
            if connection.consent_id:
                end = partial(self._connections.end, connection.consent_id)
                self._tokens.using(connection.authorisation_id, end)
        except ConnectionLostError:
            return
        if not self._consents.shared(connection.authorisation_id, connection.id):
            self._withdraw(connection.authorisation_id)

    def _withdraw(self, authorisation_id: int) -> None:
        """Give a consent back. That Xero does not hear of it is no harm: from now on it dies unused."""
        refresh_token = self._consents.withdraw(authorisation_id)
        try:
            if refresh_token:
                self._identity.revoke(refresh_token)
        except BackofficeError as error:
            log.warning("a consent could not be given back", authorisation=authorisation_id, error=error.message)

    def keep_alive(self) -> int:
        renewed = 0
        for authorisation_id in self._consents.resting(now() - RESTING):
            try:
                renewed += self._tokens.refresh(authorisation_id)
            except (ConnectionLostError, TransientError, UnreadableError) as error:
                log.warning("tokens could not be renewed", authorisation=authorisation_id, error=error.message)
        return renewed

    def record_url(self, connection: Connection, link_kind: str, external_id: str) -> str | None:
        return addresses.page_of(self._settings.xero_app_url, connection.short_code, link_kind, external_id)

    def look(self, connection: Connection, mapper: Mapper, text: str, external_id: str | None) -> Sequence[Payload]:
        client = self._client(connection, urgent=True)
        if mapper.resource not in self.paged:
            return [row for payload in client.whole(mapper.resource).rows for row in mapper.rows(payload)]
        if external_id is None:
            return client.look(mapper, text)
        found = client.by_ids(mapper.resource, [external_id])
        return [row for payload in found for row in mapper.rows(payload)]

    def place(self, text: str) -> Place | None:
        return addresses.place(self._settings.xero_app_url, text)

    def missing_scope(self, connection: Connection, kind: str, sends: bool) -> str:
        held = set((connection.authorisation.scopes if connection.authorisation else "").split())
        needed = SCOPES.get(kind)
        if needed is None or not held:
            return ""
        enough = {needed, OLDER_SCOPE} | (set() if sends else {f"{needed}.read", f"{OLDER_SCOPE}.read"})
        return "" if held & enough else needed

    def statuses(self, kind: str) -> Sequence[str]:
        mapper = next((each for each in self.mappers if each.kind == kind), None)
        return (*STATUSES, *mapper.resting) if isinstance(mapper, DocumentMapper) else ()

    def notices(self, raw: bytes, signature: str, key: str) -> Notices | None:
        return notices(raw) if signed(raw, signature, key) else None


def _address(settings: Settings) -> Address:
    return Address(
        authorize_url=settings.xero_authorize_url,
        token_url=settings.xero_token_url,
        revocation_url=settings.xero_revocation_url,
        client_id=settings.xero_client_id,
        client_secret=settings.xero_client_secret.get_secret_value(),
        scopes=settings.xero_scopes,
        settings_named="XERO_CLIENT_ID and XERO_CLIENT_SECRET",
    )
