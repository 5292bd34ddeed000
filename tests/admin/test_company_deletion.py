"""Deleting a company: its archive first, its name typed, and nothing of it left in any table."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import Engine, MetaData, create_engine, func, select

from backoffice.admin.company_deletion import shown
from backoffice.clock import now
from backoffice.errors import LeaseLostError
from backoffice.models import (
    Attachment,
    AttachmentContent,
    Authorisation,
    Bill,
    Company,
    Connection,
    Contact,
    CsvImport,
    Deletion,
    History,
    Item,
    JobState,
    Link,
    Match,
    PullRun,
    PullSeen,
    Role,
    Side,
    SyncAttempt,
    SyncAttemptItem,
    TaxMapping,
)
from backoffice.models.leased import GIVEN_UP, MOST_TRIES, Lease, claim
from backoffice.models.owned import SHARED, owned_tables
from backoffice.sync import deletion
from jobs import JOBS
from tests.admin.conftest import Browser, Db, Outside, a_job, a_record
from tests.admin.test_integrations import PlayedProvider, xero
from tests.databases import Databases, lent

__all__ = ["xero"]


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, databases: dict[str, Databases]) -> Iterator[str]:
    """Rows are removed in the order that each database insists on."""
    yield from lent(databases[request.param])


@pytest.fixture
def full(session: Db, company: Company, elsewhere: Company, connection: Connection, xero: PlayedProvider) -> Company:
    """A company with something in many tables, beside another one under the same consent."""
    connection.authorisation_id = xero.authorisation_id
    for whose in (company, elsewhere):
        contact = a_record(session, Contact, whose, name="=Formula & Sons")
        a_record(session, Item, whose)
        bill = a_record(session, Bill, whose)
        file = Attachment(company_id=whose.id, name="a/b.pdf", mime_type="application/pdf", size=3, bill_id=bill.id)
        file.content = AttachmentContent(data=b"PDF")
        session.add_all([file, TaxMapping(company_id=whose.id, code="G", name="GST", rate=15, side=Side.SALES)])
        session.commit()
        assert contact.id
    job = a_job(session, connection, JobState.COMPLETED, ended_at=now())
    link = session.scalars(select(Link).where(Link.connection_id == connection.id).limit(1)).one()
    run = PullRun(connection_id=connection.id, sync_job_id=job.id, resource="Contacts")
    attempt = SyncAttempt(connection_id=connection.id, sync_job_id=job.id, resource="Contacts", action="create")
    attempt.idempotency_key = "k"
    attempt.items.append(
        SyncAttemptItem(position=0, link_id=link.id, kind="contact", record_id=1, revision=1, payload={})
    )
    match = Match(connection_id=connection.id, resource="Contacts", link_id=link.id, external_id="e", payload={})
    match.matched_by = "name"
    session.add_all([run, attempt, match])
    session.flush()
    session.add(PullSeen(pull_run_id=run.id, external_id="e"))
    session.commit()
    return company


def leased(session: Db, begun: Deletion) -> Lease:
    lease = claim(session, Deletion, begun.id, 30)
    assert lease is not None
    return lease


def rows(engine: Engine, company_id: int) -> dict[str, int]:
    """Every row that the database itself can lead back to a company, whatever the models say."""
    found = MetaData()
    with engine.connect() as connection:
        found.reflect(connection)
        counts = {}
        for table in found.tables.values():
            if "company_id" in table.c:
                query = select(func.count()).select_from(table).where(table.c.company_id == company_id)
                counts[table.name] = connection.execute(query).scalar_one()
    return {name: count for name, count in counts.items() if count}


def test_every_table_of_a_company_is_found_and_in_an_order_that_can_be_removed() -> None:
    names = [table.name for table in owned_tables()]
    for table in owned_tables():
        for key in table.foreign_keys:
            target = key.column.table.name
            if target in names and target != table.name:
                assert names.index(table.name) < names.index(target), (table.name, target)
    assert not SHARED & set(names)


def test_what_is_told_of_a_company_has_words() -> None:
    assert [part.label for part in shown({"told": 1, "subscription": 2, "record": 0})] == [
        "people who are told of it",
        "needs that were told",
    ]


def test_only_its_name_deletes_it_and_nothing_of_it_is_left(
    app: Flask, session: Db, full: Company, elsewhere: Company, administrator: Browser, xero: PlayedProvider
) -> None:
    place, gone, kept = f"/companies/delete/?id={full.id}", full.id, elsewhere.id
    text = administrator.says(place)
    assert ("Delete Harbour Supplies?" in text, "Contacts" in text, "Download the archive" in text) == (True,) * 3
    ended = "the link to it is ended there too"
    assert (ended in text, ended in administrator.says(f"/companies/delete/?id={kept}")) == (True, False)
    assert "This is not its name" in administrator.post(place, {"name": "harbour"}).text
    assert session.scalar(select(Deletion.id)) is None
    others = deletion.counted(session, kept)
    session.rollback()

    answer = administrator.post(place, {"name": " Harbour Supplies "})
    assert xero.ended == ["t-1"]
    begun = session.scalars(select(Deletion)).one()
    assert "is being deleted" in administrator.says(answer.location)
    assert administrator.get(f"/c/{gone}/").status_code == 404
    assert "Harbour Supplies" not in administrator.says("/users/").split("<main")[0]
    begun_id = begun.id
    session.rollback()
    with app.app_context():
        from jobs import delete_company

        delete_company(begun_id)
    session.expire_all()
    engine = create_engine(app.extensions["settings"].database_url)
    assert rows(engine, gone) == {}
    engine.dispose()
    assert session.get(Company, gone) is None
    assert (deletion.counted(session, gone), deletion.counted(session, kept)) == ({}, others)
    assert session.scalar(select(Authorisation.id)) is None, "nobody else had this consent"
    done = session.scalars(select(Deletion)).one()
    assert done.removed["contact"] >= 1
    assert done.removed["sync_attempt_item"] == done.removed["pull_seen"] == 1
    text = administrator.says(answer.location)
    assert ("was deleted" in text, "by Administrator" in text, "Contacts" in text) == (True, True, True)


def test_a_consent_that_another_company_shares_stays(
    app: Flask, session: Db, full: Company, elsewhere: Company, administrator: Browser, xero: PlayedProvider
) -> None:
    other = Connection(company_id=elsewhere.id, provider="xero", external_id="t-2", organisation="Two")
    other.authorisation_id = xero.authorisation_id
    session.add(other)
    session.commit()
    administrator.post(f"/companies/delete/?id={full.id}", {"name": full.name})
    begun = session.scalars(select(Deletion.id)).one()
    session.rollback()
    with app.app_context():
        from jobs import delete_company

        delete_company(begun)
    assert session.scalars(select(Authorisation.id)).one() == xero.authorisation_id


def test_a_big_one_goes_in_lots_and_whoever_goes_on_with_it_takes_up_what_is_left(
    app: Flask, session: Db, full: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "LOT", 2)
    for number in range(7):
        a_record(session, Contact, full, name=f"Supplier {number}")
    company_id, table = full.id, Contact.table()
    before = deletion.counted(session, company_id)
    begun = deletion.begin(session, session.get_one(Company, company_id), None)
    assert deletion.due(session) == [begun.id]
    lost = leased(session, begun)
    assert deletion._remove(session, lost, company_id, History.table())
    assert deletion.due(session) == [], "a worker is at it"
    begun.lease_until = now()
    session.commit()
    assert deletion.due(session) == [begun.id]
    second = leased(session, begun)
    with pytest.raises(LeaseLostError):
        deletion._remove(session, lost, company_id, History.table())
    assert deletion.run(session, second)
    assert session.scalar(select(func.count()).select_from(table).where(table.c.company_id == company_id)) == 0
    session.refresh(begun)
    assert begun.removed == before
    assert (deletion.due(session), claim(session, Deletion, begun.id, 30)) == ([], None)


def test_it_waits_for_a_job_under_way(session: Db, full: Company, connection: Connection) -> None:
    running = a_job(session, connection, JobState.RUNNING, lease_until=now() + timedelta(minutes=1))
    begun = deletion.begin(session, session.get_one(Company, full.id), None)
    connection.active = True  # linked at the same moment
    session.commit()
    assert not deletion.run(session, leased(session, begun))
    session.refresh(connection)
    assert not connection.active
    assert deletion.due(session) == [begun.id], "whoever comes next looks again"
    session.refresh(running)
    assert running.cancel_requested
    running.state = JobState.CANCELLED
    session.commit()
    assert deletion.run(session, leased(session, begun))


def test_one_that_never_comes_further_is_given_up_and_goes_on_when_somebody_says_so(
    app: Flask, session: Db, full: Company, administrator: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether its worker dies or meets a fault of the program: nobody is rung for it for ever."""
    begun, key = deletion.begin(session, session.get_one(Company, full.id), None), full.id

    def faulty(*_: object) -> bool:
        raise ZeroDivisionError

    with app.app_context(), monkeypatch.context() as patched:
        patched.setattr(deletion, "_remove", faulty)
        for tries in range(1, MOST_TRIES + 1):
            JOBS["delete_company"](begun.id)
            session.refresh(begun)
            assert (begun.tries, begun.ended_at, deletion.due(session)) == (tries, None, [])
            begun.lease_until = now()
            session.commit()
        JOBS["delete_company"](begun.id)
    session.refresh(begun)
    assert (begun.ended_at is not None, begun.reason, deletion.due(session)) == (True, GIVEN_UP, [])
    place = f"/companies/delete/done/?id={begun.id}"
    assert "was only partly deleted" in administrator.says(place)
    assert "Harbour Supplies was only partly deleted" in administrator.says("/companies/")
    answer = administrator.post("/companies/delete/resume/", {"id": begun.id}, follow=True)
    assert "is being deleted" in answer.text
    with app.app_context():
        JOBS["delete_company"](begun.id)
    session.expire_all()
    assert "was deleted" in administrator.says(place)
    assert session.get(Company, key) is None
    assert administrator.post("/companies/delete/resume/", {"id": begun.id}).status_code == 404


def test_the_archive_holds_everything_and_no_secret(
    session: Db, full: Company, elsewhere: Company, administrator: Browser
) -> None:
    brought = CsvImport(company_id=full.id, sort="suppliers", file_name="in.csv", digest="d", content=b"Name\nA\n")
    brought.headers, brought.columns, brought.options = ["Name"], {"name": 0}, {}
    session.add(brought)
    session.commit()
    answer = administrator.get(f"/companies/delete/archive/?id={full.id}")
    assert (answer.status_code, answer.mimetype) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(answer.data)) as packed:
        assert packed.testzip() is None
        names = set(packed.namelist())
        told = {name: json.loads(packed.read(name)) for name in names if name.endswith(".json")}
        contacts = list(csv.DictReader(io.StringIO(packed.read("contact.csv").decode())))
        files = {name: packed.read(name) for name in names if name.startswith("files/")}
        assert "Harbour Supplies" in packed.read("README.txt").decode()
    assert {f"{table.name}.{ending}" for table in owned_tables() for ending in ("csv", "json")} <= names
    assert [row["name"] for row in contacts] == ["'=Formula & Sons", *[row["name"] for row in contacts[1:]]]
    assert {row["company_id"] for row in told["contact.json"]} == {full.id}
    assert told["contact.json"][0]["name"] == "=Formula & Sons"
    assert told["tax_mapping.json"][0]["rate"] == "15.0000" or told["tax_mapping.json"][0]["rate"] == "15"
    assert [data for name, data in files.items() if name.endswith("-a_b.pdf")] == [b"PDF"]
    assert b"Name\nA\n" in files.values()
    assert "access_token" not in str(told)


def test_only_administrators_come_here(full: Company, browser: Browser, browser_as: Callable[[Role], Browser]) -> None:
    for one in (browser, browser_as(Role.VIEWER)):
        for path in ("", "archive/"):
            assert one.get(f"/companies/delete/{path}?id={full.id}").status_code == 403
    administrator = browser_as(Role.ADMINISTRATOR)
    for key in ("", "0", "x", "999", "9" * 30):
        assert administrator.get(f"/companies/delete/?id={key}").status_code == 404
        assert administrator.get(f"/companies/delete/archive/?id={key}").status_code == 404
        assert administrator.get(f"/companies/delete/done/?id={key}").status_code == 404


def test_half_a_character_that_was_kept_breaks_no_archive(session: Db, full: Company, administrator: Browser) -> None:
    link = session.scalars(select(Link).join(Connection).where(Connection.company_id == full.id)).first()
    assert link is not None
    link.changed_there = {"Name": "Caf\ud83d"}
    session.commit()
    answer = administrator.get(f"/companies/delete/archive/?id={full.id}")
    with zipfile.ZipFile(io.BytesIO(answer.data)) as packed:
        assert packed.testzip() is None
        assert {"Name": "Caf\ud83d"} in [row["changed_there"] for row in json.loads(packed.read("link.json"))]


def test_a_name_with_two_blanks_is_typed_as_it_is_shown(session: Db, full: Company, administrator: Browser) -> None:
    full.name = "Harbour  Supplies"
    session.commit()
    administrator.post(f"/companies/delete/?id={full.id}", {"name": "Harbour Supplies"})
    session.refresh(full)
    assert full.deletion_id is not None


def test_a_company_that_is_deleted_twice_at_once_is_deleted_once(
    session: Db, full: Company, administrator: Browser
) -> None:
    with Outside(session.get_bind()) as one, Outside(session.get_bind()) as two:
        mine, yours = one.get_one(Company, full.id), two.get_one(Company, full.id)
        two.rollback()
        first = deletion.begin(one, mine, None).id
        assert deletion.begin(two, yours, None).id == first
    session.rollback()
    assert session.scalar(select(func.count()).select_from(Deletion)) == 1
    place = f"/companies/delete/?id={full.id}"
    for again in (administrator.get(place), administrator.post(place, {"name": "Harbour Supplies"})):
        assert again.location.endswith(f"/companies/delete/done/?id={first}"), "a second click sees how far it is"
    assert "Harbour Supplies is being deleted." in administrator.get(f"/companies/edit?id={full.id}").text
