"""Several at once: two schedulers, fifty clicks of Update, two people who edit one record."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from tests.faults.browser import Browser
from tests.faults.programs import until
from tests.faults.proxy import Exchange
from tests.faults.scenario import Scenario, Stage

CLICKS = 50
REVISION = re.compile(r'name="revision"[^>]*value="(\d+)"')
NEWEST = "SELECT coalesce(max(id), 0) FROM sync_job"
NEW = "SELECT count(*) FROM sync_job WHERE id > :after AND connection_id = :id AND title = :title"
FIRST = "SELECT state FROM sync_job WHERE id > :after AND connection_id = :id AND title = :title ORDER BY id LIMIT 1"
#: Every company was linked long ago and is due two hours after this time of its day.
DUE = (
    "UPDATE company SET time_zone = 'UTC', planned_at = NULL",
    "UPDATE company_settings SET nightly = :yes, nightly_at = :at",
    "DELETE FROM tick",
)
LINKED = {
    "sqlite": "UPDATE connection SET linked_at = datetime(linked_at, '-3 days')",
    "postgresql": "UPDATE connection SET linked_at = linked_at - interval '3 days'",
}
TICKS = "SELECT count(*) FROM tick WHERE schedule LIKE 'nightly%'"


def clicked(stage: Stage, browser: Browser) -> None:
    """All of them while the first one's job is under way: one job does it."""
    house, desk, reading, done = stage.house, stage.desk, threading.Event(), threading.Event()

    def hold(exchange: Exchange) -> None:
        reading.set()
        done.wait(30)
        exchange.answer(exchange.forward())

    house.rest()
    before = house.one(NEWEST)
    house.rules.add(hold, lambda exchange: not exchange.writes, count=10_000)

    def click() -> int:
        return browser.post(f"{browser.place}/suppliers/update/", {}).status_code

    stage.expect(click() == 303, "the first click is taken")
    stage.expect(until(30, reading.is_set), "the first click starts a job")
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda _: click(), range(CLICKS - 1)))
    about = {"after": before, "id": desk.connection_id, "title": "Update"}
    state, made = house.one(FIRST, **about), house.one(NEW, **about)
    house.rules.clear()
    done.set()
    if state not in ("pending", "running"):
        return  # the clicks took longer than its tries
    stage.expect(set(codes) == {303}, f"every click is taken, not {set(codes)}")
    stage.expect(made == 1, f"{CLICKS} clicks make one job, not {made}")
    stage.injected(f"{CLICKS} clicks")


def edited(stage: Stage, browser: Browser) -> None:
    """Both have the form open, both save at once: one is told of the other, and nothing is overwritten."""
    house, desk = stage.house, stage.desk
    entry = desk.contact()
    number = house.one("SELECT id FROM contact WHERE name = :name", name=entry.marker)
    house.rest()
    path = f"{browser.place}/suppliers/edit/?id={number}"
    found = REVISION.search(browser.get(path))
    assert found
    emails = [f"{who}-{number}@here.example" for who in ("ana", "tom")]
    both = threading.Barrier(2)

    def save(email: str) -> tuple[int, str]:
        form = {"name": entry.marker, "email": email, "revision": found.group(1)}
        both.wait(30)
        answer = browser.post(path, form)
        return answer.status_code, answer.text

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(save, emails))
    taken = [email for email, (code, _) in zip(emails, answers, strict=True) if code in (302, 303)]
    told = [text for code, text in answers if code == 200 and "changed this meanwhile" in text]
    stage.expect(len(taken) == len(told) == 1, f"one edit is taken and the other told, not {[c for c, _ in answers]}")
    entry.values["email"] = taken[0] if taken else entry.values["email"]
    stage.injected("two people, one record")


def scheduled(stage: Stage, _browser: Browser) -> None:
    """Both schedulers see at the same time that every company is due."""
    house = stage.house
    house.rest()
    before, at = house.one(NEWEST), datetime.now(UTC) + timedelta(seconds=house.ahead) - timedelta(hours=2)
    house.sql(LINKED[house.sort])
    for statement in DUE:
        values = {"yes": True, "at": f"{at:%H:%M:00.000000}"} if ":at" in statement else {}
        house.sql(statement, **values)
    every = len(house.connections)
    stage.expect(house.until(lambda: house.one(TICKS) >= every), "every company's night begins")
    house.rest()
    for connection in house.connections:
        made = house.one(NEW, after=before, id=connection, title="Nightly")
        stage.expect(made == 1, f"two schedulers start each night once, not {made} times")
    stage.injected("two schedulers")


WAYS: tuple[Callable[[Stage, Browser], None], ...] = (clicked, edited, scheduled)


def play(stage: Stage) -> None:
    browser = Browser(stage.house, stage.desk.company_id)
    for _ in stage.tries():
        WAYS[stage.found.times % len(WAYS)](stage, browser)


SCENARIO = Scenario(
    name="together",
    fault="two schedulers; fifty clicks of Update; two people who edit one record",
    bar="each thing once; nobody's edit overwritten silently",
    play=play,
    times=18,
    few=3,
    companies=3,
    web=2,
)
