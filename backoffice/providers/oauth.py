"""The identity server: where a person consents, and the exchange, refresh and revocation of tokens (RFC 6749, 7636).

Here a status and an OAuth error code become an error of ours, once for all grants. Nothing is stored here.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import logging
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from oauthlib.oauth2 import BackendApplicationClient, OAuth2Error, WebApplicationClient
from requests_oauthlib import OAuth2Session

from backoffice.clock import now
from backoffice.config import LOOPBACK, Settings
from backoffice.errors import (
    BackofficeError,
    ConfigurationError,
    ConnectionLostError,
    ConsentError,
    TransientError,
    UnreadableError,
)
from backoffice.providers.http import dead_line, quiet

# These two write tokens into the log at level DEBUG.
for _name in ("requests_oauthlib", "oauthlib"):
    logging.getLogger(_name).setLevel(logging.INFO)

#: Scopes that only a person's sign-in can have.
PERSONAL = {"openid", "profile", "email", "offline_access"}
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


@dataclass(frozen=True)
class Address:
    """Where an identity server is, who we are to it, and what a person calls the settings that say so."""

    authorize_url: str
    token_url: str
    revocation_url: str
    client_id: str
    client_secret: str
    scopes: str
    settings_named: str


class Identity:
    """One identity server. Each method but `begin` makes one request, with no retry."""

    def __init__(self, address: Address, settings: Settings) -> None:
        self._at = address
        self._timeout = (settings.connect_timeout, settings.read_timeout)
        if urlsplit(address.token_url).hostname in LOOPBACK:
            # oauthlib refuses plain http, which a sandbox on this machine speaks; nothing leaves the machine by it.
            os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"

    def configured(self) -> str | None:
        """None when it can be used, else what is missing."""
        if not (self._at.client_id and self._at.client_secret):
            return f"Whoever runs this deployment has to set {self._at.settings_named}."
        for url in (self._at.authorize_url, self._at.token_url, self._at.revocation_url):
            parts = urlsplit(url)
            if parts.scheme != "https" and parts.hostname not in LOOPBACK:
                return f"{url} must begin with https://; whoever runs this deployment has to mend it."
        return None

    def begin(self, redirect_uri: str) -> tuple[str, str, str]:
        """Where to send the person, the state and the verifier to keep meanwhile. Makes no request."""
        self._check()
        client = WebApplicationClient(self._at.client_id)
        verifier = client.create_code_verifier(64)
        session = OAuth2Session(client=client, redirect_uri=redirect_uri, scope=self._at.scopes)
        url, state = session.authorization_url(
            self._at.authorize_url,
            code_challenge=client.create_code_challenge(verifier, "S256"),
            code_challenge_method="S256",
        )
        return url, state, verifier

    def exchange(self, redirect_uri: str, answer: str, state: str, verifier: str) -> TokenSet:
        """Tokens for the address that a person came back to. Raises: ConsentError, ConfigurationError, TransientError."""
        self._check()
        code = code_of(answer, state)
        session = OAuth2Session(self._at.client_id, redirect_uri=redirect_uri)
        try:
            return self._fetch(session, code=code, code_verifier=verifier)
        except GrantEndedError as error:
            raise ConsentError("The sign-in took too long or was used before. Start again.") from error

    def client_credentials(self) -> TokenSet:
        """Tokens without a person. Raises: ConfigurationError, TransientError."""
        self._check()
        scopes = [scope for scope in self._at.scopes.split() if scope not in PERSONAL]
        return self._fetch(OAuth2Session(client=BackendApplicationClient(self._at.client_id, scope=scopes)))

    def refresh(self, refresh_token: str) -> TokenSet:
        """Raises: GrantEndedError when it is no longer good; ConfigurationError, TransientError."""
        self._check()
        session = OAuth2Session(self._at.client_id)
        return self._guarded(
            session,
            lambda: session.refresh_token(
                self._at.token_url, refresh_token=refresh_token, auth=self._basic(), timeout=self._timeout
            ),
        )

    def revoke(self, refresh_token: str) -> None:
        """Withdraw the consent with every token of it. Raises: TransientError, ConfigurationError."""
        session = requests.Session()
        quiet(session)
        try:
            answer = session.post(
                self._at.revocation_url,
                data={"token": refresh_token},
                auth=self._basic(),
                timeout=self._timeout,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise dead_line(error, writes=False) from error
        judge(answer, self._at.settings_named)

    def _fetch(self, session: OAuth2Session, **kwargs: Any) -> TokenSet:
        return self._guarded(
            session,
            lambda: session.fetch_token(
                self._at.token_url, client_secret=self._at.client_secret, timeout=self._timeout, **kwargs
            ),
        )

    def _guarded(self, session: OAuth2Session, fetch: Any) -> TokenSet:
        quiet(session)
        # It follows redirects, which would carry the secret elsewhere, and has no other way to be told not to.
        session.max_redirects = 0
        judged = lambda answer: judge(answer, self._at.settings_named)  # noqa: E731
        session.register_compliance_hook("access_token_response", judged)
        session.register_compliance_hook("refresh_token_response", judged)
        try:
            return token_set(fetch())
        except requests.RequestException as error:
            raise dead_line(error, writes=False) from error
        except (OAuth2Error, ValueError) as error:
            raise UnreadableError("The accounting system's sign-in gave an answer that makes no sense.") from error

    def _basic(self) -> requests.auth.HTTPBasicAuth:
        return requests.auth.HTTPBasicAuth(self._at.client_id, self._at.client_secret)

    def _check(self) -> None:
        if problem := self.configured():
            raise ConfigurationError(problem)


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
    "access_denied": "You cancelled the sign-in; nothing was linked.",
    "unauthorized_client": "This application may not ask for that. Whoever runs this deployment has to look at its registration.",
    "invalid_scope": "This application may not ask for that. Whoever runs this deployment has to look at its scopes.",
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
