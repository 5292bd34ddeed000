"""Who calls the sandbox in its tests: an app with a token, and Ana with her browser."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

REDIRECT = "http://localhost:8000/callback"
SCOPE = "openid profile email offline_access accounting.contacts accounting.settings accounting.invoices"
SECRET = ("demo-client", "demo-secret")
VERIFIER = "a-verifier-of-more-than-forty-three-characters-~._"


@dataclass
class Api:
    """Calls the accounting API of the first organisation; the answers are JSON."""

    url: str
    token: dict[str, Any]
    connections: list[dict[str, Any]]
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.session.headers.update(
            {
                "Authorization": f"Bearer {self.token['access_token']}",
                "xero-tenant-id": self.tenant,
                "Accept": "application/json",
            }
        )

    @property
    def tenant(self) -> str:
        return self.connections[0]["tenantId"]

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        return self.session.request(method, f"{self.url}/api.xro/2.0/{path}", timeout=30, **options)

    def get(self, path: str, headers: dict[str, str] | None = None, **params: Any) -> requests.Response:
        return self.call("GET", path, params=params, headers=headers)

    def put(self, path: str, body: Any, headers: dict[str, str] | None = None, **params: Any) -> requests.Response:
        return self.call("PUT", path, json=body, params=params, headers=headers)

    def post(self, path: str, body: Any, headers: dict[str, str] | None = None, **params: Any) -> requests.Response:
        return self.call("POST", path, json=body, params=params, headers=headers)


@dataclass
class Browser:
    """Ana at the consent pages."""

    url: str
    session: requests.Session = field(default_factory=requests.Session)

    def sign_in(self, email: str = "ana@demo.example", password: str = "play") -> requests.Response:
        form = {"email": email, "password": password, "next": "/"}
        return self.session.post(f"{self.url}/identity/sign-in", data=form, allow_redirects=False)

    def authorize(self, **changes: Any) -> requests.Response:
        return self.session.get(f"{self.url}/identity/connect/authorize", params=self.parameters(changes))

    def decide(self, decision: str = "allow", organisations: list[str] | None = None, **changes: Any) -> dict[str, str]:
        """Answer the consent page; what the app gets in its redirect."""
        chosen = organisations or [self.organisation(0)]
        answer = self.session.post(
            f"{self.url}/identity/connect/authorize",
            params=self.parameters(changes),
            data={"decision": decision, "organisation": chosen},
            allow_redirects=False,
        )
        assert answer.status_code == 302, answer.text
        assert answer.headers["Location"].startswith(REDIRECT)
        return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}

    def organisation(self, position: int) -> str:
        return self.session.get(f"{self.url}/_sandbox/organisations").json()[position]["id"]

    def parameters(self, changes: dict[str, Any]) -> dict[str, Any]:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
        return {
            "response_type": "code",
            "client_id": "demo-client",
            "redirect_uri": REDIRECT,
            "scope": SCOPE,
            "state": "some state",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **changes,
        }

    def token(self, auth: tuple[str, str] | None = SECRET, /, **form: str) -> requests.Response:
        return self.session.post(f"{self.url}/connect/token", data=form, auth=auth)

    def exchange(self, code: str, **changes: str) -> requests.Response:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER,
            **changes,
        }
        return self.token(**form)

    def refresh(self, token: str) -> requests.Response:
        return self.token(grant_type="refresh_token", refresh_token=token)


@dataclass
class Papers:
    """Writes documents for the first organisation's first contact, and reads them back."""

    api: Api
    kind: str
    defaults: dict[str, Any]

    def put(self, verb: str = "put", params: dict[str, Any] | None = None, **fields: Any) -> requests.Response:
        body = {self.kind: [{**self.defaults, **fields}]}
        answer: requests.Response = getattr(self.api, verb)(self.kind, body, **{"unitdp": 4, **(params or {})})
        return answer

    def make(self, **fields: Any) -> dict[str, Any]:
        return self.one(self.put(**fields))

    def change(self, key: str, params: dict[str, Any] | None = None, **fields: Any) -> requests.Response:
        return self.api.post(f"{self.kind}/{key}", fields, **{"unitdp": 4, **(params or {})})

    def read(self, key: str, **params: Any) -> dict[str, Any]:
        return self.one(self.api.get(f"{self.kind}/{key}", **{"unitdp": 4, **params}))

    def one(self, answer: requests.Response) -> dict[str, Any]:
        assert answer.status_code == 200, answer.text
        (found,) = answer.json()[self.kind]
        return dict(found)

    def listed(self, headers: dict[str, str] | None = None, **params: Any) -> list[dict[str, Any]]:
        answer = self.api.get(self.kind, headers, **{"unitdp": 4, **params})
        assert answer.status_code == 200, answer.text
        return list(answer.json()[self.kind])


def words(answer: requests.Response) -> list[str]:
    """What a refused single element is told."""
    assert answer.status_code == 400, answer.text
    return [error["Message"] for error in answer.json()["Elements"][0]["ValidationErrors"]]
