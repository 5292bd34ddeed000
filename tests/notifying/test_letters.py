"""Letters: what appears and what is settled is told to whoever wants to hear of it, folded, and nothing else."""

from __future__ import annotations

import datetime as dt

import pytest
from flask import current_app
from sqlalchemy import func, select

import jobs
from backoffice import clock
from backoffice.config import Settings
from backoffice.models import (  # fmt: skip
    Company,
    ConnectionState,
    HowOften,
    JobState,
    Mail,
    MailState,
    NeedChange,
    Role,
    StartedBy,
    SyncJob,
    Work,
)
from backoffice.queue import doorbell
from tests.mail_server import PostOffice
from tests.notifying.conftest import House, Time


def subjects(office: PostOffice) -> list[str]:
    return [str(letter.message["Subject"]).strip() for letter in office.received]


def test_what_appears_is_told_once_and_what_goes_on_is_not(house: House, office: PostOffice, time: Time) -> None:
    house.person("Ana", HowOften.AT_ONCE)
    house.tell()
    assert office.received == []
    house.refuse(1)
    house.tell()
    house.refuse(2)  # more of the same is no news
    time.on(hours=1)
    house.tell()
    assert subjects(office) == ["Harbour Supplies: 1 record was refused"]
    [letter] = office.received
    assert letter.recipients == ["ana@example.com"]
    assert f"- 1 record was refused: http://localhost:8000/c/{house.company_id}/sync-queue/" in letter.text
    assert f"/c/{house.company_id}/notifications/" in letter.text
    assert letter.files == {}


def test_what_is_settled_is_told_with_what_goes_on_waiting(house: House, office: PostOffice, time: Time) -> None:
    house.person("Ana", HowOften.AT_ONCE)
    link = house.refuse()
    house.connection.state = ConnectionState.NEEDS_RECONNECTING
    house.session.commit()
    house.tell()
    time.on(hours=1)
    house.mend(link)
    house.tell()
    assert subjects(office) == [
        "Harbour Supplies: the link to the accounting system is lost and 1 more",
        "Harbour Supplies: settled",
    ]
    assert "Settled since:\n- refused records" in office.received[1].text
    assert "Goes on waiting:\n- the link to the accounting system is lost" in office.received[1].text


def test_a_burst_is_folded_into_one_letter_and_what_came_and_went_is_no_news(
    house: House, office: PostOffice, time: Time
) -> None:
    house.person("Ana", HowOften.AT_ONCE)
    link = house.refuse()
    house.tell()
    for _ in range(3):  # appears and is settled, within the quarter of an hour
        time.on(minutes=1)
        house.mend(link)
        house.tell()
        time.on(minutes=1)
        link.refusal = "again"
        house.session.commit()
        house.tell()
    failed(house)
    house.tell()
    assert len(office.received) == 1
    time.on(minutes=15)
    house.tell()
    assert subjects(office)[1:] == ["Harbour Supplies: 1 sync job failed or asks a question"]
    assert house.session.scalar(select(func.count()).select_from(NeedChange)) == 8


def failed(house: House) -> SyncJob:
    job = SyncJob(company_id=house.company_id, connection_id=house.connection_id, work=Work.UPDATE, kinds=["contact"])
    job.title, job.started_by, job.state, job.ended_at = "Update", StartedBy.PERSON, JobState.FAILED, clock.now()
    house.session.add(job)
    house.session.commit()
    return job


def test_a_digest_is_written_in_the_morning_by_the_companys_clock(house: House, office: PostOffice, time: Time) -> None:
    house.company.time_zone = "Pacific/Auckland"  # where it is 23:00 now
    house.session.commit()
    house.person("Ben", HowOften.DAILY)
    link = house.refuse()
    for hours in (0, 7):
        time.on(hours=hours)
        house.tell()
    assert office.received == []
    time.on(hours=1)
    house.tell()
    assert subjects(office) == ["Harbour Supplies: 1 record was refused"]
    house.mend(link)
    house.tell()
    time.on(hours=23)
    house.tell()
    assert len(office.received) == 1
    time.on(hours=1)
    house.tell()
    time.on(days=1)
    house.tell()  # a morning without news
    assert subjects(office)[1:] == ["Harbour Supplies: settled"]


def test_news_after_a_quiet_morning_wait_for_the_next_one(house: House, office: PostOffice, time: Time) -> None:
    house.person("Ben", HowOften.DAILY)
    time.at = dt.datetime(2026, 11, 22, 7, 1, tzinfo=dt.UTC)
    house.tell()
    house.refuse()
    time.on(hours=1)
    house.tell()
    assert office.received == []
    time.on(hours=23)
    house.tell()
    assert len(office.received) == 1


def test_who_may_not_sign_in_any_more_or_has_no_address_to_write_to_is_left_alone(
    house: House, office: PostOffice
) -> None:
    house.person("Gone", HowOften.AT_ONCE, active=False)
    house.person("a..b", HowOften.AT_ONCE)  # which no mail server takes
    house.refuse()
    house.tell()
    assert office.received == []


def test_two_that_tell_at_once_write_once(house: House, office: PostOffice) -> None:
    house.person("Ana", HowOften.AT_ONCE)
    house.refuse()
    for _ in range(2):
        jobs.tell()
    assert house.session.scalar(select(func.count()).select_from(Mail)) == 1
    assert house.session.scalar(select(func.count()).select_from(NeedChange)) == 1


def test_a_mail_server_that_takes_nothing_fails_no_job_and_the_letter_waits(house: House, office: PostOffice) -> None:
    house.person("Ana", HowOften.AT_ONCE)
    house.refuse()
    office.contents = ["451 later"]
    house.tell()
    [mail] = house.session.scalars(select(Mail))
    assert (mail.state, mail.record_id, mail.company_id) == (MailState.WAITING, None, house.company_id)
    assert office.received == []


def test_while_mail_is_not_set_up_nothing_piles_up_and_nothing_is_lost(
    house: House, office: PostOffice, settings: Settings, time: Time
) -> None:
    house.person("Ana", HowOften.AT_ONCE)
    house.refuse()
    extensions = current_app.extensions
    extensions["settings"] = settings.model_copy(update={"smtp_host": ""})
    house.tell()
    assert house.session.scalar(select(func.count()).select_from(Mail)) == 0
    extensions["settings"] = settings
    time.on(days=2)
    house.tell()
    assert len(office.received) == 1


@pytest.mark.parametrize("nobody", [True, False])
def test_a_sweep_rings_for_a_look_only_where_somebody_wants_to_hear(house: House, nobody: bool) -> None:
    if not nobody:
        house.person("Ana", HowOften.AT_ONCE)
    for _ in range(3):
        jobs.sweep()
    rung = [job.func_name for job in doorbell.queue().jobs]
    assert rung.count("jobs.tell") == (0 if nobody else 1)


def test_a_company_that_is_being_deleted_is_not_told_of(house: House, office: PostOffice) -> None:
    from backoffice.sync import deletion

    house.person("Ana", HowOften.AT_ONCE)
    house.refuse()
    deletion.begin(house.session, house.session.get_one(Company, house.company_id), None)
    house.tell()
    assert office.received == []


def test_nobody_hears_of_a_company_that_is_closed_to_them(house: House, office: PostOffice, time: Time) -> None:
    ana, bea = (house.person(name, HowOften.AT_ONCE, limited=True) for name in ("Ana", "Bea"))
    house.person("Cleo", HowOften.AT_ONCE)
    house.person("Dora", HowOften.AT_ONCE, limited=True).role = Role.ADMINISTRATOR
    ana.companies = [house.company]
    house.session.commit()
    house.refuse()
    house.tell()
    told = sorted(address for letter in office.received for address in letter.recipients)
    assert told == ["ana@example.com", "cleo@example.com", "dora@example.com"]
    bea.companies = [house.company]
    house.session.commit()
    house.tell()
    assert office.received[-1].recipients == ["bea@example.com"], "once it is open they hear what stands"
