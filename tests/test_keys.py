"""Keys: rotated while everything goes on; a lost one is a sentence, for whoever runs the deployment and on a page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.fernet import Fernet
from flask import Flask
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from backoffice import doctor
from backoffice.cli import main
from backoffice.clock import now
from backoffice.config import Settings
from backoffice.database import Base, keyring
from backoffice.extensions import db
from backoffice.models import Authorisation, Connection, Webhook, encrypted, new_company

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))


@pytest.fixture
def session(app: Flask) -> Iterator[Session]:
    """Two permissions, one of them of a linked company, and a webhook, all of them under the old key."""
    with app.app_context():
        keyring.load((OLD,))
        company = new_company(db.session(), "Acme Ltd")
        consents = [
            Authorisation(
                provider="xero", client_id="c", subject=name, access_token=f"token of {name}", expires_at=now()
            )
            for name in ("Ana", "Tom")
        ]
        consents[0].refresh_token = "refresh"
        webhook = Webhook(provider="xero", client_id="c", signing_key="signs", key_set_at=now())
        db.session.add_all([*consents, webhook])
        db.session.flush()
        linked = {"authorisation_id": consents[0].id, "provider": "xero", "external_id": "t"}
        db.session.add(Connection(company_id=company.id, organisation="Acme", **linked))
        db.session.commit()
        yield db.session()


def read(session: Session) -> list[Any]:
    """What is kept encrypted, as the application reads it."""
    columns = Authorisation.access_token, Authorisation.refresh_token
    consents = session.query(*columns).order_by(Authorisation.id).all()
    return [*map(tuple, consents), *map(tuple, session.query(Webhook.signing_key))]


KEPT = [("token of Ana", "refresh"), ("token of Tom", None), ("signs",)]


@pytest.fixture
def rotate(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run the command under these keys."""
    for name in ("database_url", "redis_url", "data_dir"):
        monkeypatch.setenv(name.upper(), str(getattr(settings, name)))

    def run(*keys: str) -> Any:
        monkeypatch.setenv("ENCRYPTION_KEYS", ",".join(keys))
        return CliRunner().invoke(main, ["keys", "rotate"], catch_exceptions=False)

    return run


def test_the_old_key_can_be_taken_out_after_the_rotation(session: Session, rotate: Callable[..., Any]) -> None:
    session.rollback()
    result = rotate(NEW, OLD)
    assert (result.exit_code, result.output.splitlines()[0]) == (
        0,
        "4 secrets under the first key, 4 of them since just now.",
    )
    assert rotate(NEW, OLD).output.startswith("4 secrets under the first key, 0 of them")
    keyring.load((NEW,))
    assert read(session) == KEPT


def test_a_token_that_is_renewed_meanwhile_stays(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a process that does not know the new key yet, too. On SQLite it waits for the batch."""
    keyring.load((NEW, OLD))
    others = create_engine(session.get_bind().engine.url)
    fresh = Fernet(OLD).encrypt(b"fresh").decode()
    renew = keyring.renew

    def interfere(kept: str) -> str | None:
        monkeypatch.setattr(keyring, "renew", renew)
        if others.dialect.name == "postgresql":
            with others.begin() as other:
                other.execute(
                    text("UPDATE authorisation SET access_token = :fresh WHERE subject = 'Ana'"), {"fresh": fresh}
                )
        return renew(kept)

    monkeypatch.setattr(keyring, "renew", interfere)
    found = encrypted.rotate(session)
    assert (found.newest, found.renewed, found.older, found.lost) == (4, 4, 0, [])
    keyring.load((NEW,))
    first = "fresh" if others.dialect.name == "postgresql" else "token of Ana"
    assert read(session) == [(first, "refresh"), *KEPT[1:]]
    others.dispose()


def test_what_is_written_under_an_older_key_again_and_again_is_said(
    session: Session, rotate: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    session.rollback()
    monkeypatch.setattr(encrypted, "_replace", lambda *_: False)
    result = rotate(NEW, OLD)
    assert result.exit_code == 1
    assert "4 are still written under an older key: restart every process with these keys" in result.output


def test_what_no_key_opens_is_named_with_what_to_do(session: Session, rotate: Callable[..., Any]) -> None:
    session.rollback()
    result = rotate(NEW)
    assert result.exit_code == 1
    first, *lost = result.output.splitlines()
    assert first == "0 secrets under the first key, 0 of them since just now."
    assert [line.removeprefix("No key opens this any more. ") for line in lost] == [
        "The permission to reach the books of Acme Ltd: link again on the page Integrations.",
        "A permission that no company uses: nothing has to be done.",
        "The signing key of the webhook of xero: keep it again on the page Integrations.",
    ]


def test_the_doctor_tells_of_lost_keys_and_of_older_ones(session: Session, app: Flask) -> None:
    session.rollback()
    keyring.load((NEW, OLD))
    assert (
        _keys(app).found == "4 stored secrets can be read, 4 of them under an older key: run `backoffice keys rotate`"
    )
    keyring.load((NEW,))
    assert "link again on the page Integrations" in _keys(app).mend


def _keys(app: Flask) -> doctor.Finding:
    return next(finding for finding in doctor.examine(app) if finding.check == "keys")


def test_a_row_loads_although_no_key_opens_what_is_encrypted_of_it(session: Session) -> None:
    """Every encrypted column is deferred, and its model says what to do without it."""
    tables = {column.table for column in encrypted.columns()}
    assert len(tables) >= 2
    for model in {mapper.class_ for mapper in Base.registry.mappers if mapper.local_table in tables}:
        secret = [p for p in model.__mapper__.column_attrs if p.columns[0] in encrypted.columns()]
        assert all(p.deferred for p in secret), f"defer the encrypted columns of {model.__name__}"
        assert "if_unreadable" in vars(model), f"let {model.__name__} say what to do without its secret"
    keyring.load((NEW,))
    session.expire_all()
    assert [row.subject for row in session.query(Authorisation).order_by(Authorisation.id)] == ["Ana", "Tom"]
