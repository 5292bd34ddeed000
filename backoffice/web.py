"""The web server: gunicorn with threads, started from our own command line."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.config import Config
from gunicorn.glogging import Logger

from backoffice.app import create_app

#: How long what is being answered may take after we were asked to end, in seconds: as long as a call to a provider.
GRACE = 45


class GunicornLog(Logger):
    """Leaves gunicorn's lines to our log; each request has a line of ours already."""

    def setup(self, cfg: Config) -> None:
        super().setup(cfg)
        for log in (self.error_log, self.access_log):
            log.handlers.clear()
            log.propagate = True


class WebServer(BaseApplication):
    """gunicorn with these options; each of its processes makes an application of its own."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return create_app()


def run(host: str, port: int, processes: int, threads: int) -> None:
    """Serve until told to stop."""
    import_module("backoffice.screens")  # before the processes part, which then have one copy of it
    WebServer(
        {
            "bind": f"{host}:{port}",
            "workers": processes,
            "worker_class": "gthread",
            "threads": threads,
            "graceful_timeout": GRACE,
            "control_socket_disable": True,
            "logger_class": GunicornLog,
            # Headers of proxies are read in `create_app`, as many as TRUSTED_PROXIES says; nobody else's word counts.
            "forwarded_allow_ips": "",
        }
    ).run()
