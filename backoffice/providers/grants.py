"""What comes back from an identity server: the address of a person who consented, tokens, or an OAuth error code.

The one place where a status or an error code of an identity server becomes an error of ours (RFC 6749, 5.2).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from backoffice.clock import now
from backoffice.errors import (
    BackofficeError,
    ConfigurationError,
    ConnectionLostError,
    ConsentError,
    TransientError,
    UnreadableError,
)

#: No access token is taken to live longer than a day, in seconds.
LONGEST_LIFE = 86_400


class GrantEndedError(ConnectionLostError):
    """The consent is no longer good: expired, used up or withdrawn; link the company again."""


@dataclass(frozen=True)
class TokenSet:
    """What the identity server gave. `refresh_token` is None for grants that have none."""

    access_token: str
    refresh_token: str | None
    expires_at: datetime
    scopes: str

    def claims(self) -> dict[str, Any]:
        """What the access token says. It came straight from its maker, so its signature proves nothing more.

        Raises: UnreadableError when it is no JWT.
        """
        try:
            part = self.access_token.split(".")[1]
            found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        except (IndexError, ValueError, binascii.Error) as error:
            raise UnreadableError from error
        if not isinstance(found, dict):
            raise UnreadableError
        return found


def code_of(answer: str, state: str) -> str:
    """The code in the address a person came back to. Raises: ConsentError in words for people."""
    query = {key: found[0] for key, found in parse_qs(urlsplit(answer).query).items()}
    if not hmac.compare_digest(query.get("state", "").encode(), state.encode()):
        raise ConsentError("This sign-in was not begun here, or not in this browser. Start again.")
    if error := query.get("error"):
        raise ConsentError(REFUSED.get(error, f"The sign-in came to nothing: {error:.60}. Start again."))
    if not query.get("code"):
        raise ConsentError
    return query["code"]


#: What the consent page may send a person back with.
REFUSED = {
    "access_denied": (
        "You cancelled the sign-in; nothing was linked. If you were told there that this application has as many "
        "connections as its plan allows, whoever runs this deployment has to choose a larger plan or unlink a company."
    ),
    "unauthorized_client": "This application may not ask: who runs this deployment has to check its registration.",
    "invalid_scope": "This application may not ask for that: who runs this deployment has to check its scopes.",
    "server_error": "The sign-in does not work just now. Try again in a few minutes.",
    "temporarily_unavailable": "The sign-in does not work just now. Try again in a few minutes.",
}


def judge(answer: requests.Response, settings_named: str) -> requests.Response:
    """Let a success pass. The one place where a status of an identity server becomes an error."""
    if answer.status_code == 200:
        return answer
    if answer.status_code == 429 or answer.status_code >= 500:
        raise TransientError("The accounting system's sign-in does not work just now.")
    raise _grant_error(_error_code(answer), settings_named)


def _grant_error(code: str, settings_named: str) -> BackofficeError:
    if code == "invalid_grant":
        return GrantEndedError()
    if code in ("invalid_client", "unauthorized_client"):
        return ConfigurationError(f"The accounting system does not know this application: check {settings_named}.")
    if code == "invalid_scope":
        return ConfigurationError("The accounting system does not allow this application one of its scopes.")
    return UnreadableError("The accounting system's sign-in gave an answer that makes no sense.")


def _error_code(answer: requests.Response) -> str:
    try:
        body = answer.json()
    except requests.JSONDecodeError:
        return ""
    return str(body.get("error", "")) if isinstance(body, dict) else ""


def token_set(found: dict[str, Any]) -> TokenSet:
    """Raises: ValueError when there is no token in it or no use in it."""
    access, refresh = found.get("access_token"), found.get("refresh_token")
    seconds = int(found.get("expires_in") or 1800)
    if not isinstance(access, str) or not (refresh is None or isinstance(refresh, str)) or not access:
        raise ValueError("no token")
    scopes = found.get("scope") or ""
    scopes = scopes if isinstance(scopes, str) else " ".join(map(str, scopes))
    return TokenSet(access, refresh, now() + timedelta(seconds=min(max(seconds, 0), LONGEST_LIFE)), scopes)
