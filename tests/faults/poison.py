"""Poison: a row that our mapper cannot read, and a record that kills every worker that touches it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from backoffice.models import Contact, Link
from backoffice.sync import pending
from tests.faults.mischief import spoiled
from tests.faults.proxy import Exchange
from tests.faults.scenario import Scenario, Stage

DELIVERED = """
SELECT 1 FROM link JOIN contact ON contact.id = link.record_id AND link.kind = 'contact'
 WHERE contact.name = :name AND contact.company_id = :company AND link.wanted_revision = link.synced_revision
"""
SET_ASIDE = (
    "SELECT notes FROM sync_job WHERE connection_id = :id AND CAST(notes AS text) LIKE '%set aside%' AND id > :after"
)
REFUSED = """
SELECT refusal FROM link JOIN contact ON contact.id = link.record_id AND link.kind = 'contact'
 WHERE contact.name = :name AND contact.company_id = :company
"""
NOTED = "SELECT notes FROM sync_job WHERE id = :id"
#: A job that kills so many workers in a row is set aside.
MOST = 3


def unreadable(stage: Stage) -> None:
    """A row whose addresses are a word: it is set aside with its reason, and the others come in."""
    desk, house = stage.desk, stage.house
    name, good = desk.name("Theirs"), desk.name("Theirs")
    for each in (name, good):
        desk.office("contacts").add({"Name": each, "EmailAddress": f"{each.replace(' ', '')}@there.example"})
        desk.note("contact", each, email=f"{each.replace(' ', '')}@there.example")

    def spoil(body: dict[str, Any]) -> dict[str, Any]:
        for row in body.get("Contacts", ()):
            if row.get("Name") == name:
                row["Addresses"], row["Phones"] = "nonsense", 7
        return body

    house.rules.add(spoiled(spoil), lambda e: "/Contacts" in e.path and not e.writes, count=10_000)
    job = desk.update()
    stage.expect(house.rest(), "an Update with a row that makes no sense comes to its end")
    stage.expect("set aside" in str(house.one(NOTED, id=job)), "the job says which row was set aside")
    stage.expect(house.one(DELIVERED, name=good, company=desk.company_id), "the rest of the list comes in")
    house.rules.clear()
    stage.injected("a row that crashes the mapper")


def answer(stage: Stage) -> None:
    """The answer to a write makes no sense: what was sent is there, and is not sent again."""
    house, desk = stage.house, stage.desk

    def spoil(body: dict[str, Any]) -> dict[str, Any]:
        for row in body.get("Contacts", ()):
            row["ContactID"] = {"not": "an id"}
        return body

    house.rules.add(spoiled(spoil), lambda e: e.writes and e.path.startswith("/api.xro/2.0/Contacts"))
    desk.contact()
    stage.expect(house.rest(), "an answer that makes no sense is settled")
    house.rules.clear()
    stage.injected("an answer that crashes the mapper")


def lethal(stage: Stage) -> None:
    """A record that kills its worker, every time: in the end it is set aside, and the rest goes on."""
    house, desk = stage.house, stage.desk
    stage.expect(house.rest(), "all is at rest before the poison")
    before = house.one("SELECT max(id) FROM sync_job") or 0
    deaths: list[str] = []
    poison = desk.contact().marker

    def fault(exchange: Exchange) -> None:
        deaths.append(exchange.caller)
        house.programs[exchange.caller].strike()
        exchange.cut()

    house.rules.add(fault, lambda e: e.writes and poison.encode() in e.body, count=10_000)

    def set_aside() -> object:
        return house.one(REFUSED, name=poison, company=desk.company_id)

    stage.expect(house.until(set_aside), "a record that kills its workers is set aside with its reason")
    stage.expect(len(deaths) <= MOST, f"so many workers are lost at most: {MOST}, not {len(deaths)}")
    good = desk.contact().marker
    desk.update()
    delivered = house.until(lambda: house.one(DELIVERED, name=good, company=desk.company_id))
    stage.expect(delivered, "the rest goes on")
    said = house.until(lambda: house.one(SET_ASIDE, id=desk.connection_id, after=before))
    stage.expect(said, "the job that lost its workers says so")
    house.rules.clear()
    with desk.session() as session:  # a person looks at it, and tries again
        contact = session.scalars(select(Contact).filter_by(company_id=desk.company_id, name=poison)).one()
        pending.retry(session, session.scalars(select(Link).filter_by(kind="contact", record_id=contact.id)).one())
    stage.injected("a record that kills its worker")


WAYS = (unreadable, lethal, answer)


def play(stage: Stage) -> None:
    for _ in stage.tries():
        WAYS[stage.found.times % len(WAYS)](stage)


SCENARIO = Scenario(
    name="poison",
    fault="a record whose answer crashes our mapper; one that kills its worker three times",
    bar="set aside with its reason; the rest goes on",
    play=play,
    times=12,
    few=3,
)
