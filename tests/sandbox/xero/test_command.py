"""The command line."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
import requests
from click.testing import CliRunner

from backoffice.sandbox.xero.command import xero

PLAY = [sys.executable, "-m", "backoffice.sandbox.xero"]


@pytest.fixture
def started(tmp_path):
    """A sandbox as a process, and its address."""
    sizes = [
        "--organisations",
        "1",
        "--contacts",
        "3",
        "--items",
        "2",
        "--seed",
        "9",
        "--minute-limit",
        "10",
        "--day-limit",
        "20",
        "--page-limit",
        "2",
    ]
    command = [*PLAY, "--port", "0", "--data", str(tmp_path / "new"), *sizes]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    url = process.stdout.readline().split()[-1]
    yield process, url
    process.kill()
    process.communicate()


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_it_starts_as_told_and_ends_in_good_order(started, tmp_path, sign):
    process, url = started
    dump = requests.get(f"{url}/_sandbox/organisations/1/dump", timeout=30).json()
    assert (len(dump["Contacts"]), len(dump["Items"])) == (3, 2)
    settings = requests.get(f"{url}/_sandbox/settings", timeout=30).json()
    assert (settings["minute_limit"], settings["day_limit"], settings["page_limit"]) == (10, 20, 2)
    process.send_signal(sign)
    assert process.wait(30) == 0
    assert (tmp_path / "new" / "xero-sandbox.sqlite").exists()


def test_a_taken_port_is_said_plainly(sandbox):
    result = CliRunner().invoke(xero, ["--port", str(sandbox.port)])
    assert result.exit_code == 1
    assert f"Port {sandbox.port} on 127.0.0.1 cannot be used" in result.output
