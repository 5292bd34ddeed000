"""The web server's process is killed after it has committed an edit and before it has rung for it."""

from __future__ import annotations

import signal
import threading
import time
from functools import partial

import requests

from tests.faults.browser import Browser
from tests.faults.programs import send
from tests.faults.relay import RING
from tests.faults.scenario import Scenario, Stage

KEPT = "SELECT id FROM contact WHERE name = :name"
DELIVERED = """
SELECT 1 FROM link JOIN contact ON contact.id = link.record_id AND link.kind = 'contact'
 WHERE contact.name = :name AND link.wanted_revision = link.synced_revision AND link.external_id IS NOT NULL
"""


class Trap:
    """Lets nothing of the next ring through, and kills the web server's processes instead."""

    def __init__(self, stage: Stage) -> None:
        self._web = stage.house.programs["web"]
        self._lock = threading.Lock()
        self.sprung = False

    def watch(self, data: bytes) -> bool:
        with self._lock:
            if self.sprung or RING not in data:
                return True
            self.sprung = True
        for pid in self._web.children():
            send(pid, signal.SIGKILL)
        return False


def play(stage: Stage) -> None:
    house, desk = stage.house, stage.desk
    browser = Browser(house, desk.company_id)
    for _ in range(stage.times):
        name = desk.name("Party")
        email = f"{name.lower().replace(' ', '.')}@here.example"
        trap = Trap(stage)
        house.rest()
        house.web_relay.watch = trap.watch
        try:
            browser.post(f"{browser.place}/suppliers/new/", {"name": name, "email": email})
            stage.expect(False, "a killed web server answers nothing")
        except requests.ConnectionError:
            stage.injected()
        house.web_relay.watch = None
        stage.expect(trap.sprung, "the web server was killed between commit and ring")
        stage.expect(house.one(KEPT, name=name), "what was committed is kept")
        desk.note("contact", name, email=email)
        since = time.monotonic()
        stage.expect(house.until(partial(house.one, DELIVERED, name=name)), f"{name} is delivered by the sweep")
        stage.took("delivered", time.monotonic() - since)


SCENARIO = Scenario(
    name="web-killed",
    fault="the web process is killed between commit and ring",
    bar="delivered within one sweep",
    play=play,
    times=200,
    few=2,
    web=1,
)
