"""Schedulers in processes of their own: ones that stand still at a step until they are killed, ones that run on."""

from __future__ import annotations

import os
import signal
from datetime import datetime
from multiprocessing.process import BaseProcess
from typing import Any

from sqlalchemy import event

from backoffice import clock
from backoffice.app import create_app
from backoffice.config import Settings
from backoffice.extensions import db
from backoffice.queue import doorbell
from jobs import schedule
from tests.sync.dying import CONTEXT

#: Where one can be killed: its tick and its job are written and not committed; committed, and nobody was told.
STEPS = ("before_commit", "ring")


def fire(settings: Settings, moment: datetime, at_start: Any, stop_at: str | None = None, reached: Any = None) -> None:
    """One round at that moment, when all schedulers are there; one that is to stop does it at its first such step."""
    app = create_app(settings, screens=False)
    clock.use(lambda: moment)

    def stop(*_: Any, **__: Any) -> None:
        reached.set()
        os.kill(os.getpid(), signal.SIGSTOP)

    with app.app_context():
        session = db.session()
        if stop_at == "before_commit":
            event.listen(session, "before_commit", stop)
        if stop_at == "ring":
            doorbell.ring = stop  # type: ignore[method-assign,assignment]
        at_start.wait()
        schedule.fire(session)


class Round:
    """Several schedulers that fire at the same moment."""

    def __init__(self, settings: Settings, moment: datetime, parties: int = 1) -> None:
        self._settings, self._moment = settings, moment
        self._start = CONTEXT.Barrier(parties)

    def begin(self) -> BaseProcess:
        """Start one that runs to its end."""
        process = CONTEXT.Process(target=fire, args=(self._settings, self._moment, self._start))
        process.start()
        return process

    def begin_and_stop(self, step: str) -> BaseProcess:
        """Start one that stands still at that step."""
        reached = CONTEXT.Event()
        process = CONTEXT.Process(target=fire, args=(self._settings, self._moment, self._start, step, reached))
        process.start()
        assert reached.wait(30)
        return process
