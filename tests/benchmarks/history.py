"""A history of a million lines: how long its pages take, undoing a job, and pruning 100,000 lines.

python -m tests.benchmarks.history [--rows 1000000] [--postgresql]
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from flask import Flask
from sqlalchemy import insert, select, text

from backoffice import schema
from backoffice.admin.doors import doors_of
from backoffice.clock import now
from backoffice.config import Settings
from backoffice.embedded_redis import EmbeddedRedis
from backoffice.extensions import db
from backoffice.models import (
    Company,
    Connection,
    Contact,
    JobState,
    Role,
    StartedBy,
    SyncJob,
    Undo,
    User,
    Work,
    new_company,
)
from backoffice.models.leased import claim
from backoffice.past import undo
from backoffice.past.pruning import prune
from tests.admin.conftest import Browser, a_person, sign_in
from tests.databases import OWN_POSTGRESQL, PostgreSQL, application
from tests.servers import PostgreSQL as Server

CONTACTS = 10_000
#: So many lines are undone, two for each contact.
UNDONE = 2_000
#: Lines written over a year and more: so many of them are older than a company keeps them.
OLD = 100_000
FIELDS = ("name", "email", "phone", "city", "bank_account", "street")


def row(*cells: object) -> None:
    click.echo("| " + " | ".join(str(cell) for cell in cells) + " |")


def timed(do: Callable[[], Any]) -> tuple[str, Any]:
    """How long something takes by the clock, and how much of that this process works."""
    clock, work = time.perf_counter(), time.process_time()
    found = do()
    return f"{time.perf_counter() - clock:.2f} s ({time.process_time() - work:.2f} s of work)", found


def filled(rows: int) -> tuple[int, int]:
    """A company with ten thousand contacts and its history; the job whose changes are to be undone."""
    session = db.session()
    company = new_company(session, "Harbour Supplies")
    session.add_all([a_person(f"{role.value}@example.com", role) for role in Role])
    linked = Connection(company_id=company.id, provider="xero", external_id="t-1", organisation="Demo Company")
    session.add(linked)
    session.flush()
    made = {"company_id": company.id, "connection_id": linked.id, "kinds": ["contact"], "state": JobState.COMPLETED}
    made |= {"work": Work.UPDATE, "title": "Nightly", "started_by": StartedBy.SCHEDULE}
    session.add_all([SyncJob(**made, ended_at=now()) for _ in range(500)])
    session.commit()
    company_id = company.id
    jobs = list(session.scalars(select(SyncJob.id).order_by(SyncJob.id)))
    people = list(session.scalars(select(User.id)))
    contacts = [
        {
            "company_id": company_id,
            "name": f"Contact {n:05}",
            "name_key": f"contact {n:05}",
            "email": "new",
            "phone": "2",
        }
        for n in range(CONTACTS)
    ]
    session.execute(insert(Contact), contacts, execution_options={"engine": True})
    session.commit()
    _write_lines(rows, company_id, people, jobs)
    session.execute(text("ANALYZE"))
    session.commit()
    return company_id, jobs[-1]


def _write_lines(rows: int, company_id: int, people: list[int], jobs: list[int]) -> None:
    """The oldest first, every third by a person; the last job wrote the last lines, two for each contact."""
    session = db.session()
    lite = session.get_bind().dialect.name == "sqlite"
    series = (
        "WITH RECURSIVE s(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n < :rows - 1)"
        if lite
        else "WITH s(n) AS (SELECT generate_series(0, :rows - 1))"
    )
    seconds = "CASE WHEN n < :old THEN 29.0 * n ELSE 3100000 + 31300000.0 * (n - :old) / (:rows - :old) END"
    at = (
        f"strftime('%Y-%m-%d %H:%M:%S', :start, '+' || CAST({seconds} AS INTEGER) || ' seconds') || '.000000'"
        if lite
        else f"CAST(:start AS timestamptz) + make_interval(secs => {seconds})"
    )
    fields = " ".join(f"WHEN {number} THEN '{name}'" for number, name in enumerate(FIELDS))
    last, by_job = "(n >= :rows - :undone)", "n % 3 <> 0"
    session.execute(
        text(
            f"""INSERT INTO history (company_id, kind, record_id, action, field, old, new, at, user_id, sync_job_id)
            {series}
            SELECT :company, CASE WHEN n IN (7, 70000, 700000) THEN 'tax_rate' ELSE 'contact' END,
                   CASE WHEN {last} THEN (n / 2) % :contacts + 1 ELSE n % :contacts + 1 END, 'changed',
                   CASE WHEN NOT {last} THEN CASE n % 6 {fields} END WHEN n % 2 = 1 THEN 'email' ELSE 'phone' END,
                   CASE WHEN n = :old + 5 THEN 'needle' ELSE '1' END,
                   CASE WHEN NOT {last} THEN CAST(n AS text) WHEN n % 2 = 1 THEN 'new' ELSE '2' END,
                   {at},
                   CASE WHEN {by_job} OR {last} THEN NULL ELSE :person + n % 2 END,
                   CASE WHEN {last} THEN :job WHEN {by_job} THEN :first + n * 498 / :rows END
            FROM s"""
        ),
        {
            "rows": rows, "old": OLD, "undone": UNDONE, "company": company_id, "contacts": CONTACTS,
            "person": people[0], "job": jobs[-1], "first": jobs[0],
            "start": f"{now() - timedelta(days=400):%Y-%m-%d %H:%M:%S}",
        },
    )  # fmt: skip
    session.commit()


def searches(app: Flask, company_id: int, job_id: int) -> None:
    browser = Browser(app.test_client())
    sign_in(browser.client, "operator@example.com")
    asked = {
        "everything": "",
        "a page in the middle": "before=500000",
        "one person": "person=1",
        "one job": f"job={job_id - 250}",
        "a kind with three lines": "kind=tax_rate",
        "one record by its name": "record=contact+04711",
        "one field": "field=bank_account",
        "a word that stands once, long ago": "text=needle",
        "one day": f"since={now().date() - timedelta(days=200)}&until={now().date() - timedelta(days=200)}",
    }
    for what, address in asked.items():
        best = min(timed(lambda a=address: browser.says(f"/c/{company_id}/history/?{a}"))[0] for _ in range(3))  # type: ignore[misc]
        row(f"history: {what}", best)
    took, _ = timed(lambda: browser.says(f"/c/{company_id}/undo/?job={job_id}"))
    row(f"preview of undoing {UNDONE:,} changes", took)


def undoing(job_id: int) -> None:
    session = db.session()
    person = session.scalars(select(User.id).where(User.role == Role.OPERATOR)).one()
    asked = undo.ask(session, session.get_one(SyncJob, job_id), person)
    assert asked is not None
    key = asked.id
    lease = claim(session, Undo, key, 60)
    assert lease is not None
    took, _ = timed(lambda: undo.run(session, lease, doors_of))
    row(f"undoing {UNDONE:,} changes", took)


def pruning() -> None:
    took, gone = timed(lambda: prune(db.session()))
    row(f"pruning {gone.history:,} lines of history", took)
    took, gone = timed(lambda: prune(db.session()))
    row(f"pruning again ({gone.history} lines)", took)


def measure(database: str, directory: Path, rows: int) -> None:
    redis = EmbeddedRedis(directory / "redis")
    redis.start()
    try:
        settings = Settings(data_dir=directory, database_url=database, redis_url=redis.url)
        with application(settings) as app:
            with app.app_context():
                schema.upgrade()
                company_id, job_id = filled(rows)
                assert db.session.get(Company, company_id) is not None
                db.session.remove()
            searches(app, company_id, job_id)
            with app.app_context():
                undoing(job_id)
                pruning()
    finally:
        redis.stop()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--postgresql", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        if not chosen.postgresql:
            return measure(f"sqlite:///{directory / 'history.db'}", directory, chosen.rows)
        server = Server()
        server.start()
        os.environ[OWN_POSTGRESQL] = server.url
        databases = PostgreSQL(directory)
        try:
            measure(databases.new(), directory, chosen.rows)
        finally:
            databases.close()
            server.stop()


if __name__ == "__main__":
    main()
