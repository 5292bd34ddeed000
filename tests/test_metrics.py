"""Metrics: right for what is there, few questions, guarded by a token; read from outside, so it matters not by whom."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from cryptography.fernet import Fernet
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from redis import Redis

from backoffice import clock, signs
from backoffice.config import Settings
from backoffice.extensions import db
from backoffice.models import Connection, JobState, Link, StartedBy, SyncJob, Waiting, Work, new_company
from tests.databases import application
from tests.questions import questions

NOW = dt.datetime(2026, 11, 21, 10, 0, tzinfo=dt.UTC)
BEARER = {"Authorization": "Bearer the token of tests"}
Figures = dict[tuple[str, str], float]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"metrics_token": SecretStr("the token of tests")})


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    with application(settings) as app:
        yield app


@pytest.fixture(autouse=True)
def time() -> Iterator[None]:
    clock.use(lambda: NOW)
    yield
    clock.use()


def read(client: FlaskClient) -> Figures:
    """Each figure by its name and its labels."""
    answer = client.get("/metrics", headers=BEARER)
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain")
    families = text_string_to_metric_families(answer.text)
    samples = [sample for family in families for sample in family.samples]
    return {(s.name.removeprefix("backoffice_"), " ".join(s.labels.values())): s.value for s in samples}


def fill(companies: int = 1) -> None:
    """Companies with something of everything, five minutes ago."""
    session, ago = db.session(), NOW - dt.timedelta(minutes=5)
    for number in range(companies):
        company = new_company(session, f"Company {number}")
        connection = Connection(company_id=company.id, provider="xero", external_id=f"t-{number}", organisation="O")
        connection.day_left, connection.budget_at = 4000 + number, ago
        if number:  # what was left the day before says nothing
            connection.day_left, connection.budget_at = 5, NOW - dt.timedelta(days=2)
        session.add(connection)
        session.flush()
        waiting = {"due_at": ago, "waiting_kind": Waiting.LIMIT}
        states: list[tuple[JobState, dict[str, object]]] = [
            (JobState.PENDING, waiting),
            (JobState.COMPLETED, {"ended_at": ago, "calls": 11}),
            (JobState.FAILED, {"ended_at": ago, "calls": 2}),
            (JobState.COMPLETED, {"ended_at": NOW - dt.timedelta(days=2), "calls": 99}),
        ]
        for state, more in states:
            job = SyncJob(company_id=company.id, connection_id=connection.id, work=Work.UPDATE, kinds=[], state=state)
            job.title, job.started_by = "Update", StartedBy.SCHEDULE
            for column, value in more.items():
                setattr(job, column, value)
            session.add(job)
        for kind, refusal in (("contact", None), ("bill", "archived"), ("bill", None)):
            link = Link(connection_id=connection.id, resource="R", kind=kind, record_id=1 if refusal else 2)
            link.wanted_revision, link.changed_at = 1, ago
            link.refusal = link.refusal_cause = refusal
            session.add(link)
    session.commit()


def test_says_how_everything_stands(app: Flask, client: FlaskClient, redis_url: str) -> None:
    with app.app_context():
        fill(companies=2)
    with Redis.from_url(redis_url) as redis:
        signs.speak(redis)
    found = read(client)
    wanted = {
        ("jobs_open", "pending limit"): 2,
        ("jobs_ended", "completed"): 2,
        ("jobs_ended", "failed"): 2,
        ("calls", ""): 26,
        ("oldest_due_job_seconds", ""): 300,
        ("last_update_seconds", ""): 300,
        ("records_pending", "contact"): 2,
        ("records_pending", "bill"): 2,
        ("oldest_pending_seconds", ""): 300,
        ("records_refused", "archived"): 2,
        ("connections", "connected"): 2,
        ("least_calls_left", ""): 4000,
        ("notices_waiting", ""): 0,
        ("mail_waiting", ""): 0,
        ("deliveries_waiting", ""): 0,
        ("workers", ""): 0,
        ("last_tick_seconds", ""): 0,
        ("queue", ""): 0,
        ("up", "database"): 1,
        ("up", "redis"): 1,
    }
    assert found == wanted


@pytest.mark.parametrize("companies", [0, 12])
def test_asks_the_database_the_same_few_questions_however_much_there_is(
    app: Flask, client: FlaskClient, companies: int
) -> None:
    with app.app_context():
        fill(companies)
        engine = db.engine
    with questions(engine) as asked:
        names = {name for name, _ in read(client)}
    assert 7 < len(asked) <= 10
    assert len(names) < 25


def test_without_its_parts_it_says_so(app: Flask, client: FlaskClient, tmp_path: object) -> None:
    app.extensions["redis"], redis = Redis.from_url(f"unix://{tmp_path}/gone.sock"), app.extensions["redis"]
    found = read(client)
    app.extensions["redis"] = redis
    assert (found["up", "redis"], found["up", "database"]) == (0, 1)


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer wrong", "the token of tests", "Bearer the token of tests ", "Bearer é"]
)
def test_nobody_reads_it_without_the_token(client: FlaskClient, given: str) -> None:
    headers = {"Authorization": given.encode().decode("latin-1")} if given else {}
    assert client.get("/metrics", headers=headers).status_code == 404


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("public_url", "visitor", "status"),
    [
        ("http://localhost:8000", "127.0.0.1", 200),
        ("http://localhost:8000", "192.168.1.7", 404),
        ("https://books.example.com", "127.0.0.1", 404),
    ],
)
def test_without_a_token_it_is_there_for_ones_own_machine_alone(
    settings: Settings, public_url: str, visitor: str, status: int
) -> None:
    keys = (SecretStr(Fernet.generate_key().decode()),)
    changes = {"metrics_token": SecretStr(""), "public_url": public_url, "encryption_keys": keys}
    with application(settings.model_copy(update=changes)) as app:
        found = app.test_client().get("/metrics", environ_base={"REMOTE_ADDR": visitor}).status_code
    assert found == status
