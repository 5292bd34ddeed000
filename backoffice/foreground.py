"""What the command line does by itself, without a worker: link by client credentials, update, tell how things stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from threading import Event
from time import monotonic
from typing import Any

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from backoffice import stop
from backoffice.clock import now
from backoffice.errors import BackofficeError
from backoffice.extensions import db
from backoffice.models import Company, Connection, LinkState, StartedBy, SyncJob, new_company
from backoffice.sync import freshness, jobs, linking, pending
from backoffice.sync.provider import Provider
from backoffice.sync.run import Workshop, run

#: Other names that people use for kinds.
ALSO = {"supplier": "contact", "customer": "contact"}


class UnknownNameError(BackofficeError):
    """There is nothing of that name."""


def company_named(session: Session, name: str) -> Company:
    """Raises: UnknownNameError, listing the companies there are."""
    company = session.scalar(select(Company).where(Company.name == name))
    if company is None:
        known = ", ".join(session.scalars(select(Company.name).order_by(Company.name))) or "none yet"
        raise UnknownNameError(f"There is no company called {name}. Companies: {known}.")
    return company


def link_custom(
    app: Flask, name: str, confirm_push: bool, another_book: bool = False, provider_key: str = "xero"
) -> Connection:
    """Link a company to the one organisation of a custom connection; the company is made if there is none.

    With `confirm_push`, what was kept here before is sent without anybody having looked at what matches. With
    `another_book`, what is kept here with another organisation is set aside.
    Raises: ConfigurationError, ConsentError, ConflictError.
    """
    provider: Provider = app.extensions["providers"][provider_key]
    granted = provider.custom()
    session = db.session()
    company = session.scalar(select(Company).where(Company.name == name)) or new_company(session, name)
    session.commit()
    connection, _ = linking.link(
        session,
        provider,
        company.id,
        granted.organisations[0],
        granted.authorisation_id,
        user_id=None,
        another_book=another_book,
    )
    if confirm_push:
        connection.push_confirmed_at = now()
        session.commit()
    return connection


def update(app: Flask, name: str, kinds: Sequence[str], watch: Callable[[dict[str, Any]], None]) -> SyncJob:
    """Bring a company up to date in this process; `watch` is called with its progress after each page and batch.

    Asked to end, it hands its job back between two pages or batches, and a worker goes on with it.
    Raises: UnknownNameError for a company or kind that is not there, BackofficeError when it is not linked.
    """
    session = db.session()
    company = company_named(session, name)
    connection = session.scalar(select(Connection).where(Connection.company_id == company.id, Connection.active))
    if connection is None or not connection.usable:
        raise BackofficeError((connection and connection.problem) or f"{company.name} is not linked.")
    provider: Provider = app.extensions["providers"][connection.provider]
    job, _ = jobs.request_update(
        session, connection, known_kinds(provider, kinds), user_id=None, started_by=StartedBy.COMMAND
    )
    sessions = sessionmaker(db.engine, expire_on_commit=False)
    shop = Workshop(session, sessions, app.extensions["providers"], app.extensions["settings"], watch)
    while True:
        run(shop, job.id)
        session.refresh(job)
        if not job.open or stop.requested():
            return job
        watch({"text": f"Waiting for {job.waiting_for or 'another job'}, on again at {job.due_at:%H:%M:%S} UTC"})
        until = monotonic() + max(1.0, (job.due_at - now()).total_seconds())
        session.rollback()
        while not stop.requested() and monotonic() < until:
            Event().wait(0.5)


def known_kinds(provider: Provider, names: Sequence[str]) -> list[str]:
    """The kinds meant; all of them where none is named. Raises: UnknownNameError."""
    kinds = [mapper.kind for mapper in provider.mappers]
    wanted = [ALSO.get(name, name) for name in names]
    unknown = sorted(set(wanted) - set(kinds))
    if unknown:
        raise UnknownNameError(f"There is no kind called {unknown[0]}. Kinds: {', '.join([*kinds, *ALSO])}.")
    return wanted or kinds


def status(session: Session) -> list[dict[str, Any]]:
    """Each company with its connection, when it was last brought up to date, and what waits, as plain data."""
    return [_standing(session, company) for company in session.scalars(select(Company).order_by(Company.name))]


def _standing(session: Session, company: Company) -> dict[str, Any]:
    connection = session.scalar(select(Connection).where(Connection.company_id == company.id, Connection.active))
    if connection is None:
        return {"company": company.name, "connection": None}
    last = freshness.last_update(session, connection.id)
    counts = Counter[LinkState]()
    for states in pending.counts(session, connection).values():
        counts.update(states)
    return {
        "company": company.name,
        "connection": connection.state.value,
        "provider": connection.provider,
        "organisation": connection.organisation,
        "problem": connection.problem,
        "last_completed": last.isoformat() if last else None,
        "records": {state.value: number for state, number in counts.items()},
        "calls_left_today": connection.left_today,
    }
