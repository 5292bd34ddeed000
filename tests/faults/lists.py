"""A provider whose lists cannot be trusted: paging ignored, a page repeated, an empty list where rows were."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from backoffice.sandbox.xero.faults import Fault
from tests.faults.house import PAGE_SIZE
from tests.faults.proxy import Exchange
from tests.faults.scenario import Scenario, Stage

PAGE = re.compile(r"\bpage=(\d+)")
CONTACTS = "/api.xro/2.0/Contacts"
#: So many calls besides one a page show that a list repeats itself.
BESIDES = 2
KEPT = "SELECT count(*) FROM {} WHERE company_id = :id AND NOT archived"
JOB = "SELECT state, question, reason FROM sync_job WHERE id = :id"


def _ends(stage: Stage, **where: str) -> tuple[str, str | None, str | None]:
    """Press Update, and see how that ends."""
    job = stage.desk.update(thorough=True)
    ended = partial(stage.house.one, "SELECT ended_at FROM sync_job WHERE id = :id", id=job)
    stage.expect(stage.house.until(ended), "an Update that cannot trust a list comes to its end")
    state, question, reason = stage.house.sql(JOB, id=job)[0]
    return state, question, reason


def _nothing_archived(stage: Stage, kind: str, before: int) -> None:
    now = stage.house.one(KEPT.format(kind), id=stage.desk.company_id)
    stage.expect(now >= before, f"nothing is archived for what a list leaves out: {before - now} of the kind {kind}")


def _misread(stage: Stage, calls: int) -> None:
    rows = stage.house.one(KEPT.format("contact"), id=stage.desk.company_id)
    most = -(-rows // PAGE_SIZE) + BESIDES
    stage.expect(calls <= most, f"a list that repeats itself is left after {most} calls, not {calls}")


def ignored(stage: Stage) -> None:
    """Whatever page is asked for, the same rows come."""
    faults, stats = stage.house.sandbox.world.faults, stage.house.sandbox.world.stats
    stats.reset()
    faults.add(Fault("unpaged", path="/Contacts", count=None))
    _ends(stage)
    faults.clear()
    _misread(stage, stats.shown()["calls"].get("GET Contacts", 0))


def repeated(stage: Stage) -> None:
    """The first page comes under every number."""
    stats = stage.house.sandbox.world.stats
    stats.reset()

    def fault(exchange: Exchange) -> None:
        found = PAGE.search(exchange.path)
        exchange.path = PAGE.sub("page=1", exchange.path)
        answer = exchange.forward()
        body = answer.json
        if found and "pagination" in body:
            body["pagination"]["page"] = int(found.group(1))
        exchange.answer(answer.saying(body))

    stage.house.rules.add(fault, lambda exchange: exchange.path.startswith(CONTACTS), count=10_000)
    _ends(stage)
    stage.house.rules.clear()
    _misread(stage, stats.shown()["calls"].get("GET Contacts", 0))


def emptied(stage: Stage, path: str) -> None:
    """Nothing is in the list any more, as if everything had been deleted."""
    faults = stage.house.sandbox.world.faults
    faults.add(Fault("empty-list", method="GET", path=path, count=None))
    state, question, _ = _ends(stage)
    faults.clear()
    stage.expect(state == "failed" and question, f"a person is asked about an empty list, and the job is not {state}")


WAYS: dict[str, Callable[[Stage], None]] = {
    "paging ignored": ignored,
    "a page repeated": repeated,
    "contacts empty": partial(emptied, path="/Contacts"),
    "items empty": partial(emptied, path="/Items"),
}


def play(stage: Stage) -> None:
    names = list(WAYS)
    for _ in stage.tries():
        stage.desk.act_there()
        stage.expect(stage.house.rest(), "all is at rest before a list goes wrong")
        before = {kind: stage.house.one(KEPT.format(kind), id=stage.desk.company_id) for kind in ("contact", "item")}
        name = names[stage.found.times % len(names)]
        WAYS[name](stage)
        stage.injected(name)
        for kind, number in before.items():
            _nothing_archived(stage, kind, number)


SCENARIO = Scenario(
    name="lists",
    fault="a provider that ignores paging; that repeats a page; that answers an empty list where rows were",
    bar="stops after the repeat; asks a person, archives nothing",
    play=play,
    times=24,
    few=4,
)
