"""The command line: what it prints, for people and for programs, and how it ends."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import create_engine, text

from backoffice.cli import SANDBOXES, main

ROOT = Path(__file__).parent.parent


@pytest.fixture
def backoffice(settings, monkeypatch):
    """Run the command line against the test's database and Redis."""
    for name in ("database_url", "redis_url", "data_dir"):
        monkeypatch.setenv(name.upper(), str(getattr(settings, name)))

    def run(*words: str) -> Result:
        return CliRunner().invoke(main, words, catch_exceptions=False)

    return run


def password_in(result: Result) -> str:
    assert result.exit_code == 0, result.output
    found = re.search(r"with the password (\S+)$", result.output.strip())
    assert found, result.output
    return found[1]


def test_looks_after_users(backoffice):
    first = password_in(backoffice("user", "create", "Boss@Example.com", "--name", "Boss", "--role", "administrator"))
    second = password_in(backoffice("user", "reset-password", "boss@example.com"))
    assert first != second
    password_in(backoffice("user", "create", "ann@example.com"))
    assert backoffice("user", "role", "ann@example.com", "viewer").exit_code == 0
    assert backoffice("user", "deactivate", "ann@example.com").exit_code == 0
    assert json.loads(backoffice("user", "list", "--json").output) == [
        {"email": "ann@example.com", "name": "ann@example.com", "role": "viewer", "active": False},
        {"email": "boss@example.com", "name": "Boss", "role": "administrator", "active": True},
    ]
    assert backoffice("user", "list").output.splitlines() == [
        "email             name             role           active",
        "ann@example.com   ann@example.com  viewer         no",
        "boss@example.com  Boss             administrator  yes",
    ]


@pytest.mark.parametrize("words", [("deactivate", "boss@example.com"), ("role", "boss@example.com", "viewer")])
def test_keeps_the_last_administrator(backoffice, words):
    password_in(backoffice("user", "create", "boss@example.com", "--role", "administrator"))
    result = backoffice("user", *words)
    assert result.exit_code == 1
    assert result.output.startswith("Error: The last administrator cannot be")


def test_an_unknown_user_is_a_sentence(backoffice):
    result = backoffice("user", "reset-password", "nobody@example.com")
    assert (result.exit_code, result.output) == (1, "Error: There is no user nobody@example.com.\n")


def test_an_old_database_is_a_sentence_and_migrate_mends_it(backoffice, database_url):
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM alembic_version"))
    engine.dispose()
    result = backoffice("status")
    assert result.exit_code == 1
    assert result.output == "Error: The database is not at this version: run `backoffice migrate`.\n"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_migrates_an_empty_database(backoffice, monkeypatch, tmp_path):
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/new.db")
    assert backoffice("migrate").output == "The database is up to date.\n"
    assert backoffice("status", "--json").output == "[]\n"


def test_a_wrong_setting_is_a_sentence(backoffice, monkeypatch):
    monkeypatch.setenv("PUBLIC_URL", "https://books.example.com")
    result = backoffice("status")
    assert result.exit_code == 1
    assert re.fullmatch(r"Error: .*SECRET_KEY.* must be set.*\n", result.output)


def test_a_new_key_is_a_key(backoffice, monkeypatch):
    monkeypatch.setenv("ENCRYPTION_KEYS", backoffice("keys", "new").output.strip())
    assert backoffice("status").exit_code == 0


def test_an_unknown_company_or_an_unlinked_one_is_a_sentence(backoffice):
    result = backoffice("update", "Nowhere")
    assert (result.exit_code, result.output.splitlines()[-1]) == (
        1,
        "Error: There is no company called Nowhere. Companies: none yet.",
    )


def test_linking_by_hand_belongs_in_a_browser(backoffice):
    result = backoffice("link", "Somewhere")
    assert result.exit_code == 2
    assert "--custom-connection" in result.output


@pytest.mark.parametrize("name", SANDBOXES)
def test_every_sandbox_is_a_command(name):
    result = CliRunner().invoke(main, ["sandbox", name, "--help"])
    assert result.exit_code == 0
    for option in ("--port", "--data", "--organisations", "--contacts", "--items", "--seed", "--latency-ms"):
        assert option in result.output


def test_every_command_says_what_it_does():
    result = CliRunner().invoke(main, ["--help"])
    words = ["demo", "web", "worker", "scheduler", "sandbox", "user", "link", "update", "status", "doctor"]
    words += ["migrate", "keys", "backup", "restore"]
    for word in words:
        assert re.search(rf"^  {word} +[A-Z]", result.output, re.MULTILINE)


def test_is_installed_under_its_name():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"backoffice": "backoffice.cli:main"}
