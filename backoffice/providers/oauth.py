"""The identity server: where a person consents, and the exchange, refresh and revocation of tokens (RFC 6749, 7636).

Nothing is stored here.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import requests
from oauthlib.oauth2 import BackendApplicationClient, OAuth2Error, WebApplicationClient
from requests_oauthlib import OAuth2Session

from backoffice.config import LOOPBACK, Settings
from backoffice.errors import ConfigurationError, ConsentError, TransientError
from backoffice.providers.grants import GrantEndedError, TokenSet, code_of, judge, token_set
from backoffice.providers.http import dead_line, quiet

# These two write tokens into the log at level DEBUG.
for _name in ("requests_oauthlib", "oauthlib"):
    logging.getLogger(_name).setLevel(logging.INFO)

#: Scopes that only a person's sign-in can have.
PERSONAL = {"openid", "profile", "email", "offline_access"}


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
        """Tokens for the address that a person came back to.

        Raises: ConsentError in words for people; ConfigurationError, TransientError.
        """
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
        return self._fetch(OAuth2Session(client=BackendApplicationClient(self._at.client_id)), scope=scopes)

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

    def _guarded(self, session: OAuth2Session, fetch: Callable[[], dict[str, Any]]) -> TokenSet:
        quiet(session)
        # It follows redirects, which would carry the secret elsewhere, and has no other way to be told not to.
        session.max_redirects = 0
        judged = partial(judge, settings_named=self._at.settings_named)
        session.register_compliance_hook("access_token_response", judged)
        session.register_compliance_hook("refresh_token_response", judged)
        try:
            return token_set(fetch())
        except requests.RequestException as error:
            raise dead_line(error, writes=False) from error
        except (OAuth2Error, ValueError) as error:
            # The tokens may have been given all the same; the old ones still work when it is tried again.
            raise TransientError("The accounting system's sign-in gave an answer that makes no sense.") from error

    def _basic(self) -> requests.auth.HTTPBasicAuth:
        return requests.auth.HTTPBasicAuth(self._at.client_id, self._at.client_secret)

    def _check(self) -> None:
        if problem := self.configured():
            raise ConfigurationError(problem)
