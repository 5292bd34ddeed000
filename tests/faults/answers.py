"""Everything that can come back instead of an answer, at any call of a job."""

from __future__ import annotations

from backoffice.sandbox.xero.gateway import OFFLINE
from tests.faults import mischief
from tests.faults.mischief import status
from tests.faults.proxy import Exchange, Fault
from tests.faults.scenario import Scenario, Stage


def limited(problem: str, **more: str) -> Fault:
    return status(429, b"", X_Rate_Limit_Problem=problem, **more)


FAULTS: dict[str, Fault] = {
    "429 minute": limited("minute", Retry_After="1"),
    "429 day": limited("day", Retry_After="1"),
    "429 concurrent": limited("concurrent"),
    "429 app": limited("appminute", Retry_After="1"),
    "500": status(500, mischief.HTML, Content_Type="text/html"),
    "503 in plain text": status(503, OFFLINE.encode(), Content_Type="text/plain"),
    "truncated JSON": mischief.truncated,
    "a torn line": mischief.torn,
    "HTML": mischief.html,
    "empty body": mischief.empty,
    "slow bytes": mischief.trickled,
    "bytes without an end": mischief.dripped,
    "later than anybody waits": mischief.late(2.5),
}
#: Xero is left alone for minutes when it says that it is offline; the test lets them pass at once.
PASSED = "UPDATE sync_job SET due_at = created_at WHERE state = 'pending' AND waiting_kind IS NOT NULL"
DONE = "SELECT state FROM sync_job WHERE id = :id"


def play(stage: Stage) -> None:
    names = list(FAULTS)
    for _ in stage.tries():
        name = names[stage.found.times % len(names)]
        writes = stage.chance.random() < 0.5

        def matches(exchange: Exchange, writes: bool = writes) -> bool:
            return "/api.xro/" in exchange.path and exchange.writes is writes

        rule = stage.house.rules.add(FAULTS[name], matches, count=stage.chance.choice((1, 1, 2)))
        rule.skip = stage.chance.randrange(3 if writes else 12)
        stage.desk.act()
        stage.desk.act_there()
        _complete(stage, stage.desk.update())
        if rule.hits:
            stage.injected(name)
        stage.house.rules.clear()


def _complete(stage: Stage, job: int) -> None:
    """It completes, or stops and says why; what stopped is taken up by the next Update."""
    if _ended(stage, job) == "completed":
        return
    reason = stage.house.one("SELECT reason FROM sync_job WHERE id = :id", id=job)
    stage.expect(reason, "a job that stops says why")
    stage.found.counted["stopped, and taken up by the next Update"] += 1
    stage.house.rules.clear()
    state = _ended(stage, stage.desk.update())
    stage.expect(state == "completed", f"the next Update completes, and is not {state}")


def _ended(stage: Stage, job: int) -> str:
    def ended() -> bool:
        stage.house.sql(PASSED)
        return stage.house.one(DONE, id=job) not in ("pending", "running")

    stage.expect(stage.house.until(ended), "every job comes to an end")
    return str(stage.house.one(DONE, id=job))


SCENARIO = Scenario(
    name="answers",
    fault="429 minute, day, concurrent, app; 500; 503 in plain text; truncated JSON; HTML; empty body; slow bytes",
    bar="the run completes or stops resumable; the same data in the end",
    play=play,
    times=96,
    few=4,
)
