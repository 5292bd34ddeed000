"""What a test of a connection found, in words for people; and an organisation as Xero describes it."""

from __future__ import annotations

from datetime import date

from backoffice.errors import (
    BackofficeError,
    ConfigurationError,
    ConnectionLostError,
    DependencyError,
    RateLimitedError,
    TransientError,
    UnreadableError,
)
from backoffice.models import Connection
from backoffice.providers.xero.endings import LOST
from backoffice.providers.xero.shape import day
from backoffice.providers.xero.time_zones import zone
from backoffice.sync.mapper import Payload
from backoffice.sync.provider import Finding, Organisation


def explained(error: BackofficeError) -> Finding:
    """What stood in the way of a test, and who can do what about it."""
    if isinstance(error, ConnectionLostError):
        return Finding(False, *LOST[error.reason])
    if isinstance(error, ConfigurationError):
        return Finding(False, error.message, "Whoever runs this deployment has to mend its settings.")
    if isinstance(error, RateLimitedError):
        wait = _span(error.retry_after or 60)
        return Finding(False, f"Xero's {error.limit} limit is used up.", f"Nothing to do; it goes on in {wait}.")
    if isinstance(error, DependencyError):
        return Finding(False, error.message, "Try again in a moment; if it stays so, look at Redis and the workers.")
    if isinstance(error, TransientError):
        return Finding(False, "Xero cannot be reached or does not work just now.", "Nothing to do; try again later.")
    if isinstance(error, UnreadableError):
        return Finding(False, "Xero's answer makes no sense.", "Check XERO_API_URL; else try again later.")
    return Finding(False, error.message, "See what Xero says about it.")


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.0f} hours"


def described(payload: Payload, connection: Connection) -> Organisation:
    """The organisation that a connection leads to. Raises: UnreadableError when it is another or has no name."""
    name = payload.get("Name")
    if not isinstance(name, str) or not name:
        raise UnreadableError
    return Organisation(
        external_id=connection.external_id,
        name=name[:255],
        consent_id=connection.consent_id,
        country=_word(payload, "CountryCode", 20),
        base_currency=_word(payload, "BaseCurrency", 10),
        short_code=_word(payload, "ShortCode", 40),
        time_zone=zone(_word(payload, "Timezone", 60)),
        locked_until=_locked_until(payload),
        demo=payload.get("IsDemoCompany") is True,
    )


def _locked_until(payload: Payload) -> date | None:
    """The later of the two days up to which the books are closed."""
    found = [payload.get(key) for key in ("PeriodLockDate", "EndOfYearLockDate")]
    try:
        return max((day(each, "lock date") for each in found if each), default=None)
    except ValueError as error:
        raise UnreadableError from error


def _word(payload: Payload, key: str, length: int) -> str:
    found = payload.get(key)
    return found[:length] if isinstance(found, str) else ""
