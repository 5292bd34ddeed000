"""Workers are killed at every step of what they send, and at any other moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.faults.desk import Desk
from tests.faults.proxy import Exchange, Rule
from tests.faults.scenario import Scenario, Stage

#: A job that lost so many workers in a row is left alone until it has got on: one more, and it is set aside.
MOST = 2
LOST = "SELECT max(lost_workers) FROM sync_job WHERE connection_id = :id AND state = 'running'"
#: So many kills at random are some at each step.
ENOUGH = 50
#: How long one request may be waited for, in seconds.
PATIENCE = 20.0

Kill = Callable[[], None]
Step = Callable[[Kill, float, Exchange], None]


def before_it_is_sent(kill: Kill, _: float, exchange: Exchange) -> None:
    kill()
    exchange.cut()


def after_it_was_sent(kill: Kill, _: float, exchange: Exchange) -> None:
    """While the provider is at it: a request that comes only when others have gone on is another fault than this."""
    threading.Thread(target=kill).start()
    exchange.forward()
    exchange.cut()


def after_the_provider_committed(kill: Kill, _: float, exchange: Exchange) -> None:
    exchange.forward()
    kill()
    exchange.cut()


def before_we_committed(kill: Kill, chance: float, exchange: Exchange) -> None:
    """The answer is there, and being written down."""
    exchange.answer(exchange.forward())
    time.sleep(chance * 0.03)
    kill()


def at_any_moment(kill: Kill, chance: float, exchange: Exchange) -> None:
    """Whatever comes next: a reading, another request, the end of the job."""
    threading.Timer(chance * 0.4, kill).start()
    exchange.answer(exchange.forward())


STEPS: tuple[Step, ...] = (
    before_it_is_sent,
    after_it_was_sent,
    after_the_provider_committed,
    before_we_committed,
    at_any_moment,
)


@dataclass
class Trap:
    """A kill that waits for a request of one company."""

    desk: Desk
    step: Step
    since: float
    rule: Rule = field(init=False)
    #: Whether a process was ended by it; None before it is sprung.
    killed: bool | None = None


def play(stage: Stage) -> None:
    """Keep people writing in every company, and a trap in the way of each of their workers."""
    traps: list[Trap] = []
    for _ in stage.tries():
        desk = _free(stage, traps)
        if desk is None:
            break
        traps.append(_set(stage, desk))
    stage.house.rules.clear()
    if stage.times >= ENOUGH:
        struck = set(stage.found.counted)
        stage.expect(len(struck) == len(STEPS), f"workers are killed at every step, not only {sorted(struck)}")


def _free(stage: Stage, traps: list[Trap]) -> Desk | None:
    """Wait for a company without a trap, whose worker may die; None, and a bar missed, where none comes to that."""
    free: list[Desk] = []

    def look() -> bool:
        _put_away(stage, traps)
        trapped = {trap.desk.number for trap in traps}
        free[:] = [desk for desk in stage.desks if desk.number not in trapped and _may_die(stage, desk)]
        return bool(free)

    stage.expect(stage.house.until(look), "a company gets on, however often its workers are killed")
    return free[0] if free else None


def _put_away(stage: Stage, traps: list[Trap]) -> None:
    """The traps that have sprung, and those that have waited long."""
    for trap in list(traps):
        if trap.killed:
            stage.injected(trap.step.__name__.replace("_", " "))
        if trap.killed is not None or time.monotonic() - trap.since > PATIENCE:
            trap.rule.count = 0
            traps.remove(trap)


def _may_die(stage: Stage, desk: Desk) -> bool:
    return (stage.house.one(LOST, id=desk.connection_id) or 0) < MOST


def _set(stage: Stage, desk: Desk) -> Trap:
    chance = stage.chance
    step, share, alone, skip = chance.choice(STEPS), chance.random(), chance.random() < 0.5, chance.choice((0, 0, 0, 1))
    if chance.random() < 0.25:
        desk.act_there()
    desk.act()

    trap = Trap(desk, step, time.monotonic())

    def fault(exchange: Exchange) -> None:
        worker = stage.house.programs[exchange.caller]

        def kill() -> None:
            trap.killed = bool(worker.strike_child() if alone else worker.strike())

        step(kill, share, exchange)

    def matches(exchange: Exchange) -> bool:
        mine = exchange.writes and exchange.headers.get("xero-tenant-id") == desk.organisation
        return mine and _may_die(stage, desk)

    trap.rule = stage.house.rules.add(fault, matches, skip=skip)
    return trap


SCENARIO = Scenario(
    name="killed",
    fault="SIGKILL of a worker at every step of a push, and at random",
    bar="0 lost, 0 doubled",
    play=play,
    times=500,
    few=4,
    companies=3,
    copies=4,
)
