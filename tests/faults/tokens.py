"""Tokens: refused in the middle, renewed by another process, and an answer with new ones that nobody reads."""

from __future__ import annotations

import threading
import time
from functools import partial

from backoffice.extensions import db
from tests.faults.mischief import cut_after, status
from tests.faults.proxy import Exchange
from tests.faults.scenario import Scenario, Stage

EXPIRED = {
    "sqlite": "UPDATE authorisation SET expires_at = datetime('now', '-1 hour')",
    "postgresql": "UPDATE authorisation SET expires_at = now() - interval '1 hour'",
}
REFUSED = status(
    401,
    b'{"Title":"Unauthorized","Status":401,"Detail":"TokenExpired: token expired"}',
    Content_Type="application/json",
    WWW_Authenticate="OAuth Realm=api.xero.com",
)


class Door:
    """Lets requests for tokens through, slowly, and counts how many are there at the same time."""

    def __init__(self) -> None:
        self._inside, self.most, self.calls = 0, 0, 0
        self._lock = threading.Lock()

    def __call__(self, exchange: Exchange) -> None:
        with self._lock:
            self._inside += 1
            self.calls += 1
            self.most = max(self.most, self._inside)
        answer = exchange.forward()
        time.sleep(0.2)
        with self._lock:
            self._inside -= 1
        exchange.answer(answer)


def at_the_door(exchange: Exchange) -> bool:
    return exchange.path.startswith("/connect/token")


def in_the_api(exchange: Exchange) -> bool:
    return "/api.xro/" in exchange.path


def of_company(organisation: str, exchange: Exchange) -> bool:
    return in_the_api(exchange) and exchange.headers.get("xero-tenant-id") == organisation


def play(stage: Stage) -> None:
    for _ in stage.tries():
        door = Door()
        for desk in stage.desks:
            desk.act()
            desk.act_there()
        WAYS[stage.found.times % len(WAYS)](stage, door)
        stage.house.rules.add(door, at_the_door, count=10_000)
        asked = [desk.update() for desk in stage.desks]
        stage.expect(stage.house.rest(), "every job is done")
        stage.house.rules.clear()
        stage.expect(door.most <= 1, f"one renewal at a time, not {door.most}")
        for job in asked:
            state = stage.house.one("SELECT state FROM sync_job WHERE id = :id", id=job)
            stage.expect(state == "completed", f"the run completes, and is not {state}")
    _renew(stage)


def _renew(stage: Stage) -> None:
    """The chain is intact: what is kept now can be renewed once more."""
    house = stage.house
    with house.desk():
        tokens = house.app.extensions["providers"]["xero"]._tokens
        number = house.one("SELECT id FROM authorisation")
        db.session.rollback()
        stage.expect(tokens.refresh(number), "the tokens can be renewed")
    stage.expect(house.one("SELECT ended FROM authorisation") is None, "the consent has not ended")


def refused(stage: Stage, _door: Door) -> None:
    """One call of each company is turned away, with a token that should be good."""
    for desk in stage.desks:
        stage.house.rules.add(REFUSED, partial(of_company, desk.organisation), skip=stage.chance.randrange(8))
    stage.injected("refused in the middle")


def expired(stage: Stage, _door: Door) -> None:
    """All workers see at the same time that it is over."""
    stage.house.rest()
    stage.house.sql(EXPIRED[stage.house.sort])
    stage.injected("run out for all at once")


def renewed_elsewhere(stage: Stage, _door: Door) -> None:
    """Another process renews while a call with the old token is on the line, and that is turned away."""

    def fault(exchange: Exchange) -> None:
        _renew(stage)
        REFUSED(exchange)

    stage.house.rules.add(fault, in_the_api, skip=stage.chance.randrange(8))
    stage.injected("renewed by another process")


def lost(stage: Stage, _door: Door) -> None:
    """New tokens were given, and the answer is cut."""
    stage.house.rest()
    stage.house.sql(EXPIRED[stage.house.sort])
    stage.house.rules.add(cut_after, at_the_door)
    stage.injected("the answer lost")


WAYS = (refused, expired, renewed_elsewhere, lost)

SCENARIO = Scenario(
    name="tokens",
    fault="401 in the middle; all tokens over at once; renewed by another process; the answer with new ones lost",
    bar="one renewal at a time, the old token within its grace, chain intact, every run completes",
    play=play,
    times=24,
    few=4,
    companies=3,
)
