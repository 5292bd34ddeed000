"""An identity provider on this machine: signs people in over HTTP as OpenID Connect has it, or goes wrong as told.

It asks for all that the real ones ask for: the client's secret, the redirect address, the verifier behind the
challenge, and each code once.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, abort, jsonify, redirect, request
from flask.typing import ResponseReturnValue
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from werkzeug.serving import make_server

from backoffice.clock import now

CLIENT_ID, SECRET = "back-office", "what only the two know"
#: The address that is registered there.
BACK = "http://localhost:8000/sign-in/elsewhere/back"


@cache
def a_key(name: str) -> RSAKey:
    """A key pair; making one takes a while."""
    return RSAKey.generate_key(2048, {"kid": name, "alg": "RS256", "use": "sig"})


@dataclass
class IdentityProvider:
    """Somebody is signed in there; what it says, and how it goes wrong, is set on it."""

    issuer: str = ""
    #: Who is signed in there.
    claims: dict[str, Any] = field(default_factory=dict)
    #: The same as the other page tells it.
    told: dict[str, Any] = field(default_factory=dict)
    #: What it says of itself, besides the truth.
    place: dict[str, Any] = field(default_factory=dict)
    #: What stands in the token, besides the truth; None takes it out.
    token: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=lambda: {"alg": "RS256", "kid": "one"})
    signing_key: Any = None
    #: Answers instead of the usual ones, by path.
    answers: dict[str, Response] = field(default_factory=dict)
    #: What it answers instead of a code.
    denial: str = ""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    #: Called before each answer.
    meanwhile: Callable[[], None] = lambda: None

    def app(self) -> Flask:
        app = Flask("identity provider")
        app.before_request(self._instead)
        app.add_url_rule("/.well-known/openid-configuration", view_func=self.discovery)
        app.add_url_rule("/authorize", view_func=self.authorize)
        app.add_url_rule("/token", view_func=self.exchange, methods=["POST"])
        app.add_url_rule("/keys", view_func=self.keys)
        app.add_url_rule("/userinfo", view_func=self.userinfo)
        return app

    def _instead(self) -> Response | None:
        self.meanwhile()
        return self.answers.get(request.path)

    def discovery(self) -> ResponseReturnValue:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
            **self.place,
        }

    def authorize(self) -> ResponseReturnValue:
        asked = request.args
        fits = (asked["client_id"], asked["redirect_uri"], asked["response_type"]) == (CLIENT_ID, BACK, "code")
        if not fits or asked["code_challenge_method"] != "S256" or "openid" not in asked["scope"].split():
            abort(400)
        if self.denial:
            return redirect(f"{BACK}?{urlencode({'error': self.denial, 'state': asked['state']})}")
        code = secrets.token_urlsafe()
        self.codes[code] = {"nonce": asked["nonce"], "challenge": asked["code_challenge"]}
        return redirect(f"{BACK}?{urlencode({'code': code, 'state': asked['state']})}")

    def exchange(self) -> ResponseReturnValue:
        who, form = request.authorization, request.form
        if who is None or (who.username, who.password) != (CLIENT_ID, SECRET):
            return jsonify(error="invalid_client"), 401
        begun = self.codes.pop(form["code"], None)
        digest = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if begun is None or form["redirect_uri"] != BACK or digest != begun["challenge"]:
            return jsonify(error="invalid_grant"), 400
        return {"access_token": "let-me-ask", "token_type": "Bearer", "expires_in": 60, "id_token": self._signed(begun)}

    def _signed(self, begun: dict[str, str]) -> str:
        seconds = int(now().timestamp())
        truth = {"iss": self.issuer, "aud": CLIENT_ID, "iat": seconds, "exp": seconds + 300, "nonce": begun["nonce"]}
        said = {name: value for name, value in {**truth, **self.claims, **self.token}.items() if value is not None}
        if self.header["alg"] == "none":
            return f"{_part(self.header)}.{_part(said)}."
        return jwt.encode(self.header, said, self.signing_key or a_key("one"), algorithms=["RS256", "HS256"])

    def keys(self) -> ResponseReturnValue:
        return {"keys": [a_key("one").as_dict(private=False)]}

    def userinfo(self) -> ResponseReturnValue:
        if request.headers.get("Authorization") != "Bearer let-me-ask":
            abort(401)
        return self.told


def _part(values: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).rstrip(b"=").decode()


#: What an attacker knows who has the public key alone, used as if it were a secret.
PUBLIC_AS_SECRET = OctKey.import_key(str(a_key("one").as_dict(private=False)["n"]))


@contextmanager
def identity_provider() -> Iterator[IdentityProvider]:
    """One that serves as long as the block lasts."""
    provider = IdentityProvider()
    server = make_server("127.0.0.1", 0, provider.app(), threaded=True)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield provider
    server.shutdown()
    thread.join()
    server.server_close()
