"""What can go wrong, told apart by who must act.

    BackofficeError
    ├── ConfigurationError      who runs the deployment: a setting is missing or wrong
    │   └── LostKeyError        who runs the deployment: what is kept encrypted is under a key that is not there
    ├── TransientError          nobody: it is tried again
    │   ├── RateLimitedError    nobody: the provider's budget is dry until a known time
    │   ├── UnansweredError     nobody: a request went out and no answer came back
    │   └── DependencyError     nobody: Redis, or a lease that another process holds
    ├── ConflictError           nobody: somebody else was faster; read again
    ├── LeaseLostError          nobody: another worker has taken this job over
    ├── RejectedError           the editor of the record: the provider turns it down on its merits
    ├── UnreadableError         whoever looks after the integration: an answer that makes no sense
    ├── QuestionError           an operator: going on would need a guess
    ├── ReadOnlyRecordError     nobody: the provider's word is final for this record
    ├── PausedError             an administrator: nothing of it travels until it is resumed
    ├── ConsentError            whoever is linking: the sign-in at the provider came to nothing
    └── ConnectionLostError     an administrator: the company has to be linked again

Errors that concern one noun alone are declared beside it (users, sandboxes, the schema) and inherit from the same root.
The default message of an error is the first line of its docstring.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum


class Ending(StrEnum):
    """How a connection came to its end."""

    CONSENT_ENDED = "consent_ended"
    ORGANISATION_GONE = "organisation_gone"
    ORGANISATION_CLOSED = "organisation_closed"
    DEMO_GONE = "demo_gone"
    SCOPE_MISSING = "scope_missing"
    KEY_LOST = "key_lost"

    @property
    def opens_again(self) -> bool:
        """Whether it is mended on the other side, and nothing has to be linked again."""
        return self is Ending.ORGANISATION_CLOSED


class BackofficeError(Exception):
    """Something went wrong."""

    def __init__(self, message: str | None = None) -> None:
        self.message = message or (type(self).__doc__ or "").strip().splitlines()[0]
        super().__init__(self.message)


class ConfigurationError(BackofficeError):
    """A setting of this deployment is missing or wrong."""


class LostKeyError(ConfigurationError):
    """What is kept encrypted cannot be read: the key that encrypted it is missing from ENCRYPTION_KEYS."""


class TransientError(BackofficeError):
    """The accounting system could not answer just now."""

    #: Seconds to wait before trying again; None leaves it to the retry settings.
    retry_after: float | None = None

    def __init__(self, message: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RateLimitedError(TransientError):
    """The accounting system's call limit is used up for now."""

    def __init__(self, limit: str, retry_after: float) -> None:
        super().__init__(f"Waiting for the {limit} limit of the accounting system.", retry_after)
        #: `minute`, `day`, `concurrent` or `app`.
        self.limit = limit


class UnansweredError(TransientError):
    """The request was sent, but no answer came back."""

    def __init__(self, message: str | None = None, status: int | None = None) -> None:
        super().__init__(message)
        #: The status of a useless answer (5xx); None when the line went dead.
        self.status = status


class DependencyError(TransientError):
    """Something this depends on is not available just now."""


class ConflictError(BackofficeError):
    """Somebody else changed this at the same time."""


class LeaseLostError(BackofficeError):
    """Another worker has taken this job over."""


class RejectedError(BackofficeError):
    """The accounting system turned the request down."""

    def __init__(self, message: str, raw: str = "", divisible: bool = False) -> None:
        super().__init__(message)
        #: The provider's own words.
        self.raw = raw
        #: Whether it was turned down for what it holds, so that a part of it may pass.
        self.divisible = divisible


class UnreadableError(BackofficeError):
    """The accounting system sent something that cannot be read."""


class QuestionError(BackofficeError):
    """A person has to decide."""

    def __init__(self, message: str, resource: str) -> None:
        super().__init__(message)
        self.resource = resource


class ReadOnlyRecordError(BackofficeError):
    """This record comes from the accounting system and is changed there."""

    def __init__(self, kind: str, record_id: int | None, columns: tuple[str, ...]) -> None:
        super().__init__()
        self.kind, self.record_id, self.columns = kind, record_id, columns


class ConnectionLostError(BackofficeError):
    """The connection to the accounting system has ended; link the company again."""

    def __init__(self, message: str | None = None, reason: Ending = Ending.CONSENT_ENDED) -> None:
        super().__init__(message)
        self.reason = reason


class PausedError(BackofficeError):
    """The company is paused. What was held back goes when somebody resumes it."""

    def __init__(self, message: str | None = None, kinds: Sequence[str] = ()) -> None:
        super().__init__(message)
        #: The kinds that are paused by themselves; none where the whole company is.
        self.kinds = tuple(kinds)


class ConsentError(BackofficeError):
    """The sign-in at the accounting system came to nothing; try again."""
