"""A machine without a browser: link, update and look, from the command line alone, against the played Xero."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from backoffice.cli import main
from backoffice.sandbox.xero.server import Sandbox


@pytest.fixture
def xero(tmp_path: Path) -> Iterator[str]:
    """The address of a played Xero."""
    with Sandbox(tmp_path / "xero", contacts=30, items=5) as sandbox:
        yield sandbox.url


@pytest.fixture
def backoffice(xero: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The command line on a machine that holds nothing yet."""
    settings = {
        "DATA_DIR": str(tmp_path / "data"),
        "REDIS_URL": redis_url,
        "XERO_CLIENT_ID": "demo-custom",
        "XERO_CLIENT_SECRET": "demo-custom-secret",
        "XERO_TOKEN_URL": f"{xero}/connect/token",
        "XERO_CONNECTIONS_URL": f"{xero}/connections",
        "XERO_API_URL": f"{xero}/api.xro/2.0",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    def run(*words: str) -> Result:
        return CliRunner().invoke(main, words, catch_exceptions=False)

    return run


def test_links_updates_and_tells_how_things_stand(backoffice):
    linked = backoffice("link", "Somebody Ltd", "--custom-connection")
    assert (linked.exit_code, linked.output) == (0, "Somebody Ltd is linked to Demo Company (NZ).\n")

    first = backoffice("update", "Somebody Ltd", "--json")
    assert first.exit_code == 0, first.output
    outcome = json.loads(first.stdout)
    assert outcome["state"] == "completed"
    assert outcome["created"] > 35

    again = backoffice("update", "Somebody Ltd", "supplier", "item")
    assert (again.exit_code, again.stdout) == (0, "No objects need to be updated.\n")
    assert "items" in again.stderr
    assert "accounts" not in again.stderr

    unknown = backoffice("update", "Somebody Ltd", "tree")
    assert unknown.exit_code == 1
    assert "There is no kind called tree." in unknown.stderr

    [standing] = json.loads(backoffice("status", "--json").stdout)
    assert standing["company"] == "Somebody Ltd"
    assert standing["connection"] == "connected"
    assert sum(standing["records"].values()) == outcome["created"]
    assert re.search(r"^Somebody Ltd +connected +Demo Company \(NZ\) ", backoffice("status").stdout, re.MULTILINE)

    found = {finding["check"]: finding for finding in json.loads(backoffice("doctor", "--json").stdout)}
    assert [name for name, finding in found.items() if not finding["ok"]] == ["workers", "schedulers"]
    assert found["provider"]["found"].startswith("Demo Company (NZ): ")
