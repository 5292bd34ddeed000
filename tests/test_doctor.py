"""The doctor: what it finds in a healthy deployment and in sick ones, and what it says to do."""

from __future__ import annotations

import socket

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import text

from backoffice import doctor
from backoffice.app import create_app
from backoffice.clock import now
from backoffice.database import keyring
from backoffice.extensions import db
from backoffice.models import Authorisation
from tests.databases import application
from tests.identity_provider import CLIENT_ID, SECRET, identity_provider


def examine(app):
    return {finding.check: finding for finding in doctor.examine(app)}


@pytest.fixture
def settings(settings):
    """The provider's address is one where nobody answers."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        yield settings.model_copy(update={"xero_connections_url": f"http://127.0.0.1:{port}/connections"})


def test_finds_a_new_deployment_well_but_without_workers_schedulers_and_provider(app):
    found = examine(app)
    assert [name for name, finding in found.items() if not finding.ok] == ["workers", "schedulers", "provider"]
    assert found["workers"].mend == "Start at least one with `backoffice worker`."
    assert found["schedulers"].mend.startswith("Start at least one with `backoffice scheduler`")
    assert "refused" in found["provider"].found
    assert found["keys"].found == "0 stored secrets can be read"


def test_tells_an_old_database_from_a_current_one(app):
    with app.app_context():
        db.session.execute(text("DELETE FROM alembic_version"))
        db.session.commit()
    assert examine(app)["migrations"].mend == "Run `backoffice migrate`."


def test_tells_that_a_key_is_missing(app):
    with app.app_context():
        db.session.add(
            Authorisation(provider="xero", client_id="c", subject="s", access_token="token", expires_at=now())
        )
        db.session.commit()
        keyring.load((Fernet.generate_key().decode(),))
    found = examine(app)["keys"]
    assert not found.ok
    assert "ENCRYPTION_KEYS" in found.mend


def test_tells_that_redis_or_the_database_is_gone(settings, tmp_path):
    gone = {"redis_url": f"unix://{tmp_path}/gone.sock", "database_url": f"sqlite:///{tmp_path}/no/such/directory.db"}
    found = examine(create_app(settings.model_copy(update=gone)))
    assert not any(
        found[name].ok for name in ("database", "migrations", "redis", "workers", "schedulers", "clock", "keys")
    )
    assert found["database"].mend == "Start the database, or correct DATABASE_URL."
    assert "correct REDIS_URL" in found["redis"].mend


def test_asks_the_identity_provider_what_signing_in_needs(settings):
    with identity_provider() as there:
        named = {"oidc_issuer": there.issuer, "oidc_client_id": CLIENT_ID, "oidc_client_secret": SecretStr(SECRET)}
        with application(settings.model_copy(update=named)) as app:
            assert examine(app)["identity_provider"].found == there.issuer
            there.place = {"jwks_uri": "http://elsewhere.example/keys"}
            found = examine(app)["identity_provider"]
    assert (found.ok, "does not fit" in found.found) == (False, True)
    assert found.mend == "Let this machine reach it, or correct OIDC_ISSUER."
