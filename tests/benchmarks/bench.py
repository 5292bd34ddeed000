"""Full-size measurements, printed as a table: `make bench`. Nothing here asserts a time; calls and losses it does.

python -m tests.benchmarks.bench [--contacts 10000] [--seeds 100] [--database URL]
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import click
from sqlalchemy import func, make_url, select

from backoffice.config import Settings
from backoffice.embedded_redis import EmbeddedRedis
from backoffice.extensions import db
from backoffice.models import Connection, Contact, History, SyncJob, new_company
from backoffice.sandbox.xero.server import Sandbox
from backoffice.sync import linking
from backoffice.sync.reconciliation import reconcile
from tests.databases import application
from tests.sync.conftest import Book, xero_settings
from tests.sync.moving import MovingClient, MovingProvider

#: Edits while 7 pages of 1,000 are read, as in the race that other readers lose.
EDITS = 30


@contextmanager
def a_book(directory: Path, database: str, **size: Any) -> Iterator[Book]:
    """A company that is not linked yet, before a played Xero of that size."""
    redis = EmbeddedRedis(directory / "redis")
    redis.start()
    roomy: dict[str, Any] = {"minute_limit": 10**6, "day_limit": 10**7}
    try:
        with Sandbox(directory / "xero", **roomy, **size) as sandbox:
            settings = Settings(data_dir=directory, database_url=database, redis_url=redis.url)
            settings = settings.model_copy(update={**xero_settings(sandbox), "lease_seconds": 60})
            with application(settings) as app, app.app_context():
                db.drop_all()
                db.create_all()
                yield Book(app, sandbox)
    finally:
        redis.stop()


def row(*cells: object) -> None:
    click.echo("| " + " | ".join(str(cell) for cell in cells) + " |")


def first_pull_and_nothing_changed(database: str, contacts: int) -> None:
    """How many calls and rows a first sync and an Update without news take."""
    with tempfile.TemporaryDirectory() as place, a_book(Path(place), database, contacts=contacts, items=200) as book:
        job = book.link()
        loop = bare_loop(book, contacts)
        started = time.perf_counter()
        job = book.run(job)
        first = time.perf_counter() - started
        calls = book.theirs.calls()
        assert job.created >= contacts, job.reason
        row(f"first sync of {contacts:,} contacts", calls["GET Contacts"], job.calls, f"{first / loop:.1f}")
        history = book.session.scalar(select(func.count()).select_from(History))
        book.theirs.forget_calls()
        started = time.perf_counter()
        job = book.update()
        again = time.perf_counter() - started
        assert job.changed_nothing
        assert book.session.scalar(select(func.count()).select_from(History)) == history
        row("Update with nothing changed", book.theirs.calls()["GET Contacts"], job.calls, f"{again / loop:.2f}")
        reconciled(book, loop)
        for contact in book.session.scalars(select(Contact).where(Contact.archived.is_(False)).limit(100)):
            contact.city = "Measured"
        book.session.commit()
        book.theirs.forget_calls()
        started = time.perf_counter()
        job = book.push()
        assert job.sent == 100
        pushed = time.perf_counter() - started
        writes = len(book.theirs.writes())
        row("push of 100 edited contacts", writes, job.calls, f"{pushed / loop:.2f}")


def reconciled(book: Book, loop: float) -> None:
    """What it takes to compare everything on both sides."""
    kinds = [mapper.kind for mapper in book.provider.mappers]
    book.theirs.forget_calls()
    started = time.perf_counter()
    job = book.run(reconcile.request_reconciliation(book.session, book.connection, kinds)[0])
    seconds = time.perf_counter() - started
    found = reconcile.last(book.session, book.connection)
    assert found is not None
    assert found.differences == 0
    row("reconciliation of it", book.theirs.calls()["GET Contacts"], job.calls, f"{seconds / loop:.1f}")


def bare_loop(book: Book, contacts: int) -> float:
    """Seconds to only read the pages, one after the other: what the rest is compared with."""
    client = book.provider.client(book.connection, True)
    book.session.rollback()
    started = time.perf_counter()
    for number in range(1, -(-contacts // 1000) + 1):
        client.page("Contacts", number)
    seconds = time.perf_counter() - started
    book.theirs.forget_calls()
    return seconds


def moving_list(database: str, contacts: int, seeds: int) -> None:
    """Rows lost when 30 contacts are edited while the list is read, after the next Update."""
    with tempfile.TemporaryDirectory() as place, a_book(Path(place), database, contacts=contacts, items=0) as book:
        lost = passes = calls = 0
        for seed in range(seeds):
            shuffled = bool(seed % 2)
            job = _begin(book, seed, shuffled)
            book.theirs.forget_calls()
            book.run(job)
            calls += book.theirs.calls()["GET Contacts"]
            book.shop = replace(book.shop, providers=book.app.extensions["providers"])  # the list stands still again
            book.update("contact")
            mine = {contact.name: contact.email for contact in book.contacts()}
            lost += sum(mine.get(body["Name"]) != body.get("EmailAddress") for body in book.theirs.contacts())
            passes += 1
            click.echo(f"  seed {seed}: {lost} lost so far", err=True)
        row(
            f"{EDITS} of {contacts:,} edited while read, {seeds} seeds: rows lost",
            lost,
            f"{calls / passes:.1f} a run",
            "",
        )
        assert lost == 0


def _begin(book: Book, seed: int, shuffled: bool) -> SyncJob:
    if seed:
        linking.unlink(book.session, book.session.get_one(Connection, book.connection_id))
    company = new_company(book.session, f"Company {seed}")
    book.company_id = company.id
    book.session.commit()
    job = book.link()
    job.kinds = ["contact"]
    book.session.commit()
    chance, left = Random(seed), [EDITS]
    ids = sorted(body["ContactID"] for body in book.theirs.contacts())

    def edit() -> None:
        for _ in range(chance.randint(0, 10)):
            if left[0]:
                left[0] -= 1
                book.theirs.edit(chance.choice(ids), EmailAddress=f"edited-{seed}-{left[0]}@there.example")

    provider = MovingProvider(book.provider, lambda client: MovingClient(client, edit, chance, shuffled))
    in_flight = {"xero_in_flight": 6 if shuffled else 2}
    book.shop = replace(
        book.shop, providers={"xero": provider}, settings=book.shop.settings.model_copy(update=in_flight)
    )
    return job


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=10_000)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--database", default="", help="a database that may be emptied; SQLite by default")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        database = given.database or f"sqlite:///{place}/bench.db"
        sort = make_url(database).get_backend_name()
        click.echo(f"Measured on {sort}, {os.cpu_count()} cores. Time is a multiple of only reading the pages.\n")
        row("what", "calls of Contacts", "calls in all", "time")
        row("---", "---", "---", "---")
        first_pull_and_nothing_changed(database, given.contacts)
        if given.seeds:
            moving_list(database, 7_000, given.seeds)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)
        click.echo(f"\nPeak memory, the played Xero included: {peak:.0f} MB")


if __name__ == "__main__":
    main()
