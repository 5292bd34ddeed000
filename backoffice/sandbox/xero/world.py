"""Everything a running sandbox consists of, handed to each part that answers."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

from flask import current_app

from backoffice.sandbox.xero.clock import Clock
from backoffice.sandbox.xero.faults import Faults
from backoffice.sandbox.xero.limits import Limits
from backoffice.sandbox.xero.settings import Settings
from backoffice.sandbox.xero.shelf import Shelf
from backoffice.sandbox.xero.stats import Stats
from backoffice.sandbox.xero.store import Store

FILE = "xero-sandbox.sqlite"
EXTENSION = "xero_sandbox"


@dataclass
class World:
    """One sandbox: its settings, its clock, its data, its counters and its faults."""

    settings: Settings
    store: Store
    clock: Clock
    limits: Limits
    session_secret: str
    token_secret: str
    faults: Faults = field(default_factory=Faults)
    stats: Stats = field(default_factory=Stats)
    # Where it is reached, for links in what it delivers.
    address: str = "https://api.xero.com"
    temporary: tempfile.TemporaryDirectory[str] | None = None
    _marked: Settings | None = None

    def shelf(self, organisation: str, kind: str) -> Shelf:
        return Shelf(self.store, organisation, kind)

    def mark(self) -> None:
        """Remember data and settings, for `go_back`."""
        self._marked = replace(self.settings)
        self.store.mark()

    def go_back(self) -> None:
        """Be as at the mark, with the real clock, no faults, and nothing counted: cheaper than a new sandbox."""
        assert self._marked, "nothing was marked"
        self.faults.clear()
        self.clock.reset()
        vars(self.settings).update(vars(self._marked))
        self.store.go_back()
        self.limits.reset()
        self.limits.reset_counts()
        self.stats.reset()

    def close(self) -> None:
        self.faults.clear()
        self.store.close()
        if self.temporary:
            self.temporary.cleanup()


def current() -> World:
    """The world of the application that is answering."""
    found: World = current_app.extensions[EXTENSION]
    return found


def open_world(settings: Settings, data: Path | None) -> World:
    """The sandbox whose data are in `data`, not seeded yet; without a directory they are forgotten at the end."""
    temporary = None
    if data is None:
        temporary = tempfile.TemporaryDirectory(prefix="xero-sandbox-")
        data = Path(temporary.name)
    data.mkdir(parents=True, exist_ok=True)
    store, clock = Store(data / FILE), Clock()
    return World(
        settings=settings,
        store=store,
        clock=clock,
        limits=Limits(settings, clock),
        session_secret=store.secret("session"),
        token_secret=store.secret("token"),
        temporary=temporary,
    )
