"""A company linked to a played Xero, and a worker in this process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from flask import Flask
from pydantic import SecretStr
from sqlalchemy import make_url, select
from sqlalchemy.orm import sessionmaker

from backoffice.config import Settings
from backoffice.extensions import db
from backoffice.models import (
    Company,
    Connection,
    Contact,
    History,
    JobState,
    Link,
    SyncJob,
    Work,
    new_company,
)
from backoffice.sandbox.xero.clock import ms_date
from backoffice.sandbox.xero.contacts import make_row
from backoffice.sandbox.xero.faults import Fault
from backoffice.sandbox.xero.server import Sandbox
from backoffice.sandbox.xero.shelf import Selection, Shelf
from backoffice.sync import jobs, linking, pending
from backoffice.sync.run import Workshop, run
from tests.databases import Databases, Kept


@pytest.fixture
def sandbox_size() -> dict[str, Any]:
    """How large the played Xero is; a test module overrides it."""
    return {"contacts": 30, "items": 12}


@pytest.fixture(scope="session")
def sandboxes() -> Iterator[dict[str, Sandbox]]:
    """The played Xeros of this process, by their size; each goes back to its beginning after a test."""
    made: dict[str, Sandbox] = {}
    yield made
    for sandbox in made.values():
        sandbox.stop()


@pytest.fixture
def sandbox(sandboxes: dict[str, Sandbox], sandbox_size: dict[str, Any]) -> Iterator[Sandbox]:
    key = str(sorted(sandbox_size.items()))
    if key not in sandboxes:
        roomy = {"minute_limit": 100_000, "day_limit": 100_000}
        sandboxes[key] = Sandbox(**{**roomy, **sandbox_size}).start()
        consented(sandboxes[key])
        sandboxes[key].world.mark()
        sandboxes[key].world.go_back()
    yield sandboxes[key]
    sandboxes[key].world.go_back()


def consented(sandbox: Sandbox) -> None:
    """Let the custom connection come, as it does with its first token: a copied first sync knows it by its id."""
    client, form = ("demo-custom", "demo-custom-secret"), {"grant_type": "client_credentials"}
    requests.post(f"{sandbox.url}/connect/token", form, auth=client, timeout=5).raise_for_status()


@pytest.fixture
def settings(settings: Settings, sandbox: Sandbox) -> Settings:
    return settings.model_copy(update=xero_settings(sandbox))


def xero_settings(sandbox: Sandbox) -> dict[str, Any]:
    """What points an application at a played Xero, for a custom connection."""
    return {
        "xero_client_id": "demo-custom",
        "xero_client_secret": SecretStr("demo-custom-secret"),
        "xero_authorize_url": f"{sandbox.url}/identity/connect/authorize",
        "xero_token_url": f"{sandbox.url}/connect/token",
        "xero_revocation_url": f"{sandbox.url}/connect/revocation",
        "xero_connections_url": f"{sandbox.url}/connections",
        "xero_api_url": f"{sandbox.url}/api.xro/2.0",
        "xero_app_url": sandbox.url,
        "xero_minute_limit": 100_000,
        "xero_day_limit": 100_000,
        "lease_seconds": 30,
        "retry_seconds": (0,),
    }


class Theirs:
    """The organisation at Xero, changed as a person there would change it."""

    def __init__(self, sandbox: Sandbox, organisation: str) -> None:
        self.world = sandbox.world
        self.organisation = organisation

    def shelf(self, kind: str) -> Shelf:
        return self.world.shelf(self.organisation, kind)

    def contacts(self) -> list[dict[str, Any]]:
        return self.shelf("Contacts").bodies()

    def contact(self, name: str) -> dict[str, Any]:
        return next(body for body in self.contacts() if body["Name"] == name)

    def named(self, name: str) -> list[dict[str, Any]]:
        return [body for body in self.contacts() if body["Name"].casefold() == name.casefold()]

    def edit(self, contact_id: str, stamp: bool = True, **changes: Any) -> None:
        """Change a contact; without `stamp` nothing there says when."""
        row = self.shelf("Contacts").get(contact_id)
        assert row is not None
        updated = self.world.clock.milliseconds() if stamp else row.updated
        self._put({**row.body, **changes}, updated)

    def _put(self, body: dict[str, Any], updated: int) -> None:
        self.shelf("Contacts").put(make_row({**body, "UpdatedDateUTC": ms_date(updated)}, updated))

    def add(self, name: str, **more: Any) -> str:
        example = self.contacts()[0]
        contact_id = f"00000000-0000-4000-8000-{len(self.contacts()):012d}"
        body = {
            **{k: v for k, v in example.items() if k not in ("ContactNumber", "EmailAddress")},
            "ContactID": contact_id,
            "Name": name,
            "ContactStatus": "ACTIVE",
            **more,
        }
        self._put(body, self.world.clock.milliseconds())
        return contact_id

    def fault(self, kind: str, **where: Any) -> Fault:
        return self.world.faults.add(Fault(kind, **where))

    def writes(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.world.stats.shown()["writes"]
        return found

    def calls(self) -> dict[str, int]:
        found: dict[str, int] = self.world.stats.shown()["calls"]
        return found

    def forget_calls(self) -> None:
        self.world.stats.reset()


class Book:
    """A company of ours, and what a worker does for it."""

    def __init__(self, app: Flask, sandbox: Sandbox, company: Company | None = None) -> None:
        self.app, self.sandbox = app, sandbox
        self.session = db.session()
        self.shop = Workshop(
            self.session,
            sessionmaker(db.engine, expire_on_commit=False),
            app.extensions["providers"],
            app.extensions["settings"],
        )
        self.provider = app.extensions["providers"]["xero"]
        self.company = company or new_company(self.session, "Harbour Supplies")
        self.company_id = self.company.id
        self.session.commit()

    def link(self) -> SyncJob:
        """Link to the organisation of the custom connection; returns the first sync, not yet done."""
        granted = self.provider.custom()
        organisation = granted.organisations[0]
        connection, job = linking.link(
            self.session, self.provider, self.company_id, organisation, granted.authorisation_id, user_id=None
        )
        self.linked_by(connection)
        return job

    def linked_by(self, connection: Connection) -> None:
        """Know where the company is linked to."""
        self.connection_id = connection.id
        self.theirs = Theirs(self.sandbox, connection.external_id)

    @property
    def connection(self) -> Connection:
        return self.session.get_one(Connection, self.connection_id)

    def run(self, job: SyncJob) -> SyncJob:
        """Do a job as a worker does, until it has ended or waits for something."""
        job_id = job.id
        self.session.rollback()
        run(self.shop, job_id)
        return self.session.get_one(SyncJob, job_id, populate_existing=True)

    def update(self, *kinds: str) -> SyncJob:
        every = [mapper.kind for mapper in self.provider.mappers]
        job, _ = jobs.request_update(self.session, self.connection, kinds or every, user_id=None)
        return self.run(job)

    def push(self) -> SyncJob:
        job, _ = jobs.request(self.session, self.connection, Work.PUSH, ["contact"], title="On save")
        return self.run(job)

    def until_done(self, job: SyncJob, tries: int = 10) -> SyncJob:
        """Take a job up again and again, as the sweep does."""
        for _ in range(tries):
            job = self.run(job)
            if job.state is not JobState.PENDING:
                return job
        raise AssertionError(f"the job still waits for {job.waiting_for}")

    def add(self, **columns: Any) -> Contact:
        contact = Contact(company_id=self.company_id, supplier_here=True, **columns)
        self.session.add(contact)
        self.session.commit()
        return contact

    def contact(self, name: str) -> Contact:
        return self.session.scalars(
            select(Contact).where(Contact.company_id == self.company_id, Contact.name == name)
        ).one()

    def contacts(self) -> list[Contact]:
        """The oldest first: what has just been added is the last."""
        mine = select(Contact).where(Contact.company_id == self.company_id).order_by(Contact.id)
        return list(self.session.scalars(mine))

    def link_of(self, record: Any) -> Link:
        return self.session.scalars(select(Link).where(Link.kind == record.kind, Link.record_id == record.id)).one()

    def history(self, record: Any) -> list[History]:
        return list(
            self.session.scalars(
                select(History).where(History.kind == record.kind, History.record_id == record.id).order_by(History.id)
            )
        )

    def waiting(self) -> bool:
        return pending.anything_to_push(self.session, self.connection_id)


@pytest.fixture
def fresh_book(app: Flask, sandbox: Sandbox) -> Iterator[Book]:
    """A company that is not linked yet."""
    with app.app_context():
        yield Book(app, sandbox)


@pytest.fixture(scope="session")
def first_syncs() -> dict[Settings, Kept]:
    """What the databases of this process hold after a first sync, by the settings it was done with."""
    return {}


@pytest.fixture
def book(
    app: Flask, sandbox: Sandbox, settings: Settings, databases: dict[str, Databases], first_syncs: dict[Settings, Kept]
) -> Iterator[Book]:
    """A company after its first sync, which is done once in a process and copied for every test."""
    sort = make_url(settings.database_url).get_backend_name()
    done_with = settings.model_copy(update={"database_url": sort})
    with app.app_context():
        if done_with in first_syncs:
            databases[sort].fill(settings.database_url, first_syncs[done_with])
        else:
            sync_first(Book(app, sandbox))
            first_syncs[done_with] = databases[sort].keep(settings.database_url)
        session = db.session()
        book = Book(app, sandbox, session.scalars(select(Company)).one())
        book.linked_by(session.scalars(select(Connection)).one())
        session.rollback()
        yield book


def sync_first(book: Book) -> None:
    job = book.run(book.link())
    assert job.state is JobState.COMPLETED, job.reason
    book.theirs.forget_calls()
    book.session.expire_all()
    book.session.rollback()


__all__ = ["Book", "Company", "Selection", "Theirs"]
