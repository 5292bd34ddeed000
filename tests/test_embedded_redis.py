"""The embedded Redis: it keeps what it holds, shares itself, and says where it cannot run."""

from __future__ import annotations

import platform
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from redis import Redis

from backoffice import embedded_redis
from backoffice.embedded_redis import EmbeddedRedis, running
from backoffice.errors import ConfigurationError


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "a path with spaces" / "redis"


def test_keeps_its_data_over_a_restart_in_a_path_with_a_space(directory):
    server = EmbeddedRedis(directory)
    for expected in (1, 2):
        server.start()
        with Redis.from_url(server.url) as redis:
            assert redis.incr("count") == expected
        server.stop()
    assert not server.answers()


def test_listens_on_a_socket_that_belongs_to_its_user_alone(directory):
    with running(directory), Redis.from_url(EmbeddedRedis(directory).url) as redis:
        assert redis.config_get("port") == {"port": "0"}
        found = embedded_redis.runtime_directory().stat()
        assert stat.S_IMODE(found.st_mode) == 0o700


def test_is_shared_by_those_who_ask_for_the_same_directory(directory):
    with running(directory) as first, running(directory) as second:
        assert first == second
    assert not EmbeddedRedis(directory).answers()


def test_a_second_server_on_the_same_data_is_refused(directory, monkeypatch):
    monkeypatch.setattr(embedded_redis, "PATIENCE", 0.2)
    with running(directory), pytest.raises(ConfigurationError, match="Another Redis already works"):
        EmbeddedRedis(directory).start()


def test_dies_with_the_process_that_started_it(directory):
    code = f"""
import os, signal
from pathlib import Path
from backoffice.embedded_redis import EmbeddedRedis
EmbeddedRedis(Path({str(directory)!r})).start()
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code], check=False)
    deadline = time.monotonic() + 5
    while EmbeddedRedis(directory).answers() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not EmbeddedRedis(directory).answers()
    # The next one has the data to itself.
    with running(directory):
        pass


def test_an_unknown_platform_reads_which_ones_are_known(monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(ConfigurationError, match=r"riscv64.*x86_64 and aarch64.*REDIS_URL"):
        embedded_redis.binary()
