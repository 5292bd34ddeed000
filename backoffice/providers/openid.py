"""The identity provider that people may sign in through: OpenID Connect, by an authorisation code with PKCE.

What the provider says of itself is read anew for each sign-in, its keys too: sign-ins are rare, and nothing goes stale.
https://openid.net/specs/openid-connect-core-1_0.html
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from pydantic import BaseModel, Field, field_validator

from backoffice.clock import now
from backoffice.config import LOOPBACK, Settings
from backoffice.errors import BackofficeError
from backoffice.models.identity import Identity
from backoffice.providers.http import quiet

SCOPES = "openid email profile"
#: Signatures that are made with a key of the provider's own; never by a secret that is shared, never by none.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA")
#: Clocks may differ by so many seconds.
LEEWAY = 120
#: No database keeps that character.
NO_NUL = r"^[^\x00]*$"


class SignOnError(BackofficeError):
    """The sign-in at the identity provider came to nothing."""


@dataclass(frozen=True)
class Begun:
    """Where to send a person, and what the answer will be held against."""

    url: str
    state: str
    nonce: str
    verifier: str


class Place(BaseModel):
    """What an identity provider says of itself (OpenID Connect Discovery 1.0)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    id_token_signing_alg_values_supported: list[str] = ["RS256"]

    @field_validator("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint")
    @classmethod
    def _closed(cls, address: str) -> str:
        parts = urlsplit(address)
        if address and parts.scheme != "https" and parts.hostname not in LOOPBACK:
            raise ValueError("must begin with https://")
        return address


class Claims(BaseModel):
    """What is read of somebody."""

    sub: str = Field(min_length=1, max_length=255, pattern=NO_NUL)
    email: str = Field("", max_length=255, pattern=NO_NUL)
    #: Some providers write it as text.
    email_verified: bool = False


class OpenID:
    """One identity provider."""

    def __init__(self, settings: Settings) -> None:
        self.issuer, self.label = settings.oidc_issuer.rstrip("/"), settings.oidc_label
        self._client_id, self._secret = settings.oidc_client_id, settings.oidc_client_secret.get_secret_value()
        self._timeout = (settings.connect_timeout, settings.read_timeout)

    @property
    def configured(self) -> bool:
        """Whether this deployment has one."""
        return bool(self.issuer)

    def begin(self, redirect_uri: str) -> Begun:
        """The way to its page of signing in. Raises: SignOnError."""
        with self._session(redirect_uri) as session, self._in_words():
            place = self._place(session)
            nonce, verifier = generate_token(32), generate_token(64)
            url, state = session.create_authorization_url(
                place.authorization_endpoint, nonce=nonce, code_verifier=verifier
            )
        return Begun(url, state, nonce, verifier)

    def finish(self, redirect_uri: str, code: str, nonce: str, verifier: str) -> Identity:
        """Who has signed in. Raises: SignOnError."""
        with self._session(redirect_uri) as session, self._in_words():
            place = self._place(session)
            token = session.fetch_token(
                place.token_endpoint, grant_type="authorization_code", code=code, code_verifier=verifier
            )
            claims = self._claims(session, place, token, nonce)
            if not claims.email and place.userinfo_endpoint:
                claims = self._more(session, place, claims)
        return Identity(self.issuer, claims.sub, claims.email.strip(), claims.email_verified)

    def _session(self, redirect_uri: str) -> OAuth2Session:
        session = OAuth2Session(
            self._client_id,
            self._secret,
            scope=SCOPES,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            leeway=0,  # it is used at once, and some last a minute
            default_timeout=self._timeout,
        )
        quiet(session)
        session.max_redirects = 0  # they would carry the secret elsewhere
        return session

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except requests.RequestException as error:
            raise SignOnError(f"{self.label} cannot be reached just now. Try again in a minute.") from error
        except AuthlibBaseError as error:
            raise SignOnError(f"{self.label} turned the sign-in down. Start again.") from error
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise SignOnError(f"{self.label} gave an answer that does not fit. Start again.") from error

    def _place(self, session: OAuth2Session) -> Place:
        place = Place.model_validate(_read(session, f"{self.issuer}/.well-known/openid-configuration"))
        if place.issuer.rstrip("/") != self.issuer:
            raise ValueError("this is another identity provider")
        return place

    def _claims(self, session: OAuth2Session, place: Place, token: Any, nonce: str) -> Claims:
        """What the signed token says, once it is known to be for us, for this sign-in, and of now."""
        keys = KeySet.import_key_set(_read(session, place.jwks_uri))
        allowed = [name for name in place.id_token_signing_alg_values_supported if name in ALGORITHMS]
        registry = JWSRegistry(algorithms=allowed, strict_check_header=False)
        found = jwt.decode(token["id_token"], keys, registry=registry)
        claims = CodeIDToken(
            found.claims,
            found.header,
            {"iss": {"essential": True, "value": place.issuer}, "aud": {"essential": True, "value": self._client_id}},
            {"nonce": nonce, "client_id": self._client_id, "access_token": token.get("access_token")},
        )
        claims.validate(now=int(now().timestamp()), leeway=LEEWAY)
        return Claims.model_validate(dict(claims))

    def _more(self, session: OAuth2Session, place: Place, known: Claims) -> Claims:
        """The address, where the token itself does not hold it."""
        answer = session.get(place.userinfo_endpoint)
        answer.raise_for_status()
        claims = Claims.model_validate(answer.json())
        if claims.sub != known.sub:
            raise ValueError("this is somebody else")
        return claims


def _read(session: OAuth2Session, address: str) -> Any:
    answer = session.get(address, withhold_token=True)
    answer.raise_for_status()
    return answer.json()
