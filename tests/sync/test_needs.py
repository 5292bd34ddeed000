"""What needs a person: counted for many companies at once, each for itself, with as many questions as for one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session

from backoffice.clock import now
from backoffice.config import Settings
from backoffice.extensions import db
from backoffice.models import (
    Alert,
    Cause,
    CompanySettings,
    Connection,
    ConnectionState,
    Contact,
    Drift,
    JobState,
    Link,
    Need,
    Receiver,
    StartedBy,
    Strictness,
    SyncJob,
    Work,
    new_company,
)
from backoffice.sync import needs
from tests.databases import application
from tests.questions import questions


@pytest.fixture
def session(settings: Settings) -> Iterator[Session]:
    with application(settings, screens=False) as app, app.app_context():
        yield db.session()


@pytest.fixture
def settings(database_url: str, redis_url: str, data_dir: object) -> Settings:
    """No accounting system is asked."""
    return Settings(data_dir=str(data_dir), database_url=database_url, redis_url=redis_url)


def linked(session: Session, name: str, confirmed: bool = True) -> Connection:
    company = new_company(session, name)
    connection = Connection(company_id=company.id, provider="xero", external_id=f"t-{name}", organisation=name)
    connection.push_confirmed_at = now() if confirmed else None
    session.add(connection)
    session.flush()
    return connection


def a_link(session: Session, connection: Connection, record_id: int, **values: object) -> None:
    link = Link(connection_id=connection.id, resource="R", kind="contact", record_id=record_id)
    for name, value in {"external_id": f"e-{record_id}", **values}.items():
        setattr(link, name, value)
    session.add(link)


def everything(session: Session, name: str) -> Connection:
    """One of each need, with what looks like it and is none."""
    connection = linked(session, name)
    mine = {"company_id": connection.company_id, "connection_id": connection.id}
    a_link(session, connection, 101, refusal="Refused.", refusal_cause="archived")
    a_link(session, connection, 102, refusal="Refused.", paused=True)
    a_link(session, connection, 103, changed_there={"Name": "X"})
    a_link(session, connection, 104, changed_there={"Name": "X"}, paused=True)
    a_link(session, connection, 105, external_id=None, blocked_kind="match")
    a_link(session, connection, 106, external_id=None)
    for made_good in (None, now()):
        job = SyncJob(**mine, work=Work.UPDATE, kinds=[], title="Update", started_by=StartedBy.PERSON)
        job.state, job.made_good_at = JobState.FAILED, made_good
        session.add(job)
    for left in (None, now()):
        drift = Drift(**mine, kind="contact", external_id=f"d-{left is None}", cause=next(iter(Cause)))
        drift.left_at, drift.differences, drift.fingerprint = left, [], ""
        session.add(drift)
    for acknowledged in (None, now()):
        alert = Alert(company_id=mine["company_id"], kind="contact", record_id=1, column="bank_account")
        alert.acknowledged_at = acknowledged
        session.add(alert)
    for number in (1, 2):
        session.add(Contact(company_id=mine["company_id"], name=f"Acme {number}", email="ap@acme.example"))
    session.add(Receiver(company_id=mine["company_id"], address="https://x.example/", secret="s", off_at=now()))
    session.commit()
    return connection


ONE_OF_EACH = Counter({need: 1 for need in Need if need is not Need.LINK_LOST})


def test_each_company_has_its_own(session: Session) -> None:
    one, other = everything(session, "One"), linked(session, "Other", confirmed=False)
    a_link(session, other, 7, external_id=None)
    a_link(session, other, 8, external_id=None, paused=True)
    other.state = ConnectionState.NEEDS_RECONNECTING
    unlinked = linked(session, "Unlinked")
    a_link(session, unlinked, 9, refusal="Refused.")
    unlinked.active = False
    session.commit()
    ids = [one.company_id, other.company_id, unlinked.company_id]
    found = needs.of_companies(session, ids)
    assert found[one.company_id] == ONE_OF_EACH
    assert found[other.company_id] == Counter({Need.LINK_LOST: 1, Need.MATCHES: 1})
    assert found[unlinked.company_id] == Counter()
    assert needs.of_companies(session, [other.company_id]).keys() == {other.company_id}


def test_whoever_asks_about_no_duplicates_is_told_of_none(session: Session) -> None:
    one = everything(session, "One")
    chosen = session.query(CompanySettings).filter_by(company_id=one.company_id).one()
    for strictness, count in ((Strictness.OFF, 0), (Strictness.EQUAL, 1), (Strictness.ALIKE, 1)):
        chosen.ask_duplicates = strictness
        session.commit()
        assert needs.of_companies(session, [one.company_id])[one.company_id][Need.DUPLICATES] == count


@pytest.mark.parametrize("companies", [1, 8])
def test_asks_as_many_questions_for_many_as_for_one(session: Session, companies: int) -> None:
    ids = [everything(session, f"Company {number}").company_id for number in range(companies)]
    with questions(db.engine) as asked:
        assert len(needs.of_companies(session, ids)) == companies
    assert len(asked) == 11
