"""Writes without an answer: within and past the life of their key, and failures that the key remembers."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote

from backoffice.sandbox.xero.faults import Fault
from tests.faults.desk import Desk
from tests.faults.mischief import cut_before
from tests.faults.proxy import Exchange
from tests.faults.scenario import Scenario, Stage

#: A request is put down with its moment; moved back by this much, its key is forgotten on both sides.
OLDER = {
    "sqlite": "UPDATE sync_attempt SET created_at = datetime(created_at, '-10 minutes') WHERE state = 'open'",
    "postgresql": "UPDATE sync_attempt SET created_at = created_at - interval '10 minutes' WHERE state = 'open'",
}
UNCONFIRMED = """
SELECT count(*) FROM link JOIN sync_attempt ON sync_attempt.id = link.attempt_id
 WHERE sync_attempt.state = 'open' AND NOT link.paused AND link.connection_id = :id
"""
NAME = re.compile(rb"(?:Party|PO|B|I|C|P|scan) \d+-\d{4}")
PATIENCE = 30.0


class Watcher:
    """Sees every request of one company, and keeps what wrote: which names it held, its key, and what came before."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.sent: list[tuple[frozenset[bytes], str, bool]] = []
        self._looked = False

    def see(self, exchange: Exchange) -> None:
        if exchange.writes:
            names = NAME.findall(unquote(exchange.path).encode() + exchange.body)
            names = names or [exchange.path.encode() + exchange.body]
            self.sent.append((frozenset(names), exchange.headers["Idempotency-Key"], self._looked))
        self._looked = exchange.method == "GET"

    def through(self, exchange: Exchange) -> None:
        self.see(exchange)
        exchange.answer(exchange.forward())

    def again(self, since: int) -> list[tuple[str, bool]]:
        """The keys of later requests that held some of what the one at `since` held, and whether a look came before."""
        names = self.sent[since][0]
        return [(key, looked) for held, key, looked in self.sent[since + 1 :] if held & names]


def play(stage: Stage) -> None:
    for _ in stage.tries():
        WAYS[stage.found.times % len(WAYS)](stage, Watcher(stage.desk))
        stage.house.rules.clear()


def _lose(stage: Stage, watcher: Watcher, fault: Callable[[Exchange], None]) -> int | None:
    """Let one request go wrong, and the line be dead until somebody has looked; which of the requests it was."""
    house, desk, lost = stage.house, stage.desk, []

    def lose(exchange: Exchange) -> None:
        watcher.see(exchange)
        lost.append(len(watcher.sent) - 1)
        house.rules.insert(cut_before, count=10_000)
        fault(exchange)

    house.rules.add(lose, lambda exchange: exchange.writes, skip=stage.chance.choice((0, 0, 0, 1, 2)))
    house.rules.add(watcher.through, count=10_000)
    stage.chance.choice((Desk.contact, Desk.order, Desk.bill, Desk.invoice, Desk.credit))(desk)
    if not house.until(lambda: lost or house.resting, PATIENCE) or not lost:
        return None
    shown = house.until(lambda: house.one(UNCONFIRMED, id=desk.connection_id), 10)
    stage.expect(shown, "a record whose request has no answer is shown as unconfirmed")
    return lost[0]


def _go_on(stage: Stage, watcher: Watcher) -> None:
    """The line is back."""
    stage.house.rules.clear()
    stage.house.rules.add(watcher.through, count=10_000)
    stage.expect(stage.house.rest(), "what was not answered is settled when the line is back")


def _cut(exchange: Exchange) -> None:
    exchange.forward()
    exchange.cut()


def within_its_life(stage: Stage, watcher: Watcher) -> None:
    if (lost := _lose(stage, watcher, _cut)) is not None:
        _go_on(stage, watcher)
        key = watcher.sent[lost][1]
        stage.expect(
            all(again == key for again, _ in watcher.again(lost)), "while a key lives, nothing goes without it"
        )
        stage.injected("within the life of the key")


def past_its_life(stage: Stage, watcher: Watcher) -> None:
    if (lost := _lose(stage, watcher, _cut)) is not None:
        stage.house.sql(OLDER[stage.house.sort])
        stage.house.sandbox.world.store.change("DELETE FROM idempotency")
        _go_on(stage, watcher)
        stage.expect(not watcher.again(lost), "what arrived is found, and not sent again")
        stage.injected("past the life of the key")


def not_arrived(stage: Stage, watcher: Watcher) -> None:
    if (lost := _lose(stage, watcher, cut_before)) is not None:
        stage.house.sql(OLDER[stage.house.sort])
        _go_on(stage, watcher)
        again = watcher.again(lost)
        stage.expect(again and again[0][1], "what did not arrive is sent again after a look")
        stage.injected("past the life of the key, not arrived")


def remembered(stage: Stage, watcher: Watcher) -> None:
    """A 500 stands under the key as any other answer does: the same key would only bring it back."""

    def failure(exchange: Exchange) -> None:
        stage.house.sandbox.world.faults.add(Fault("500", method=exchange.method))
        exchange.answer(exchange.forward())

    if (lost := _lose(stage, watcher, failure)) is not None:
        _go_on(stage, watcher)
        again, key = watcher.again(lost), watcher.sent[lost][1]
        stage.expect(again and again[0][1], "after a failure that its key remembers, there is a look first")
        stage.expect(all(other != key for other, _ in again), "after such a failure the key is a new one")
        stage.injected("a failure that the key remembers")


WAYS = (within_its_life, past_its_life, remembered, not_arrived)

SCENARIO = Scenario(
    name="unanswered",
    fault="the answer is cut after the provider committed, within and past the life of its key; a remembered failure",
    bar="settled by looking up, Unconfirmed meanwhile, never sent again blindly",
    play=play,
    times=64,
    few=4,
)
