"""Rows of theirs that hold what no honest organisation would: none stops a pull, and nothing in them runs anywhere."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

import jobs
from backoffice.admin.views import RECORD_VIEWS, VIEW_OF_KIND
from backoffice.extensions import db
from backoffice.models import Connection, Document, JobState, Link, Mail, Role, SyncJob
from backoffice.providers.xero.shape import XeroMapper
from backoffice.sync import jobs as sync_jobs
from tests.hostile.attack import SCRIPT, assert_well
from tests.hostile.conftest import Beginning, Estate
from tests.hostile.poison import KINDS, Poisoner
from tests.mail_server import PostOffice
from tests.sync.conftest import Book

EVERY = pytest.mark.parametrize("mapper", KINDS, ids=lambda mapper: mapper.kind)
NOTES_KEPT = 200
FOUND_BY = (SCRIPT, "=HYPERLINK")


def update(estate: Estate, beginning: Beginning, mapper: XeroMapper) -> SyncJob:
    """Bring in a list of theirs as an operator asks for it."""
    book = Book(estate.app, estate.sandbox, beginning.company())
    kinds = [each.kind for each in book.provider.mappers if each.resource == mapper.resource]
    book.linked_by(book.session.scalars(select(Connection)).one())
    job, _ = sync_jobs.request_update(book.session, book.connection, kinds, user_id=None)
    return book.run(job)


@EVERY
def test_no_field_of_theirs_stops_a_pull(estate: Estate, beginning: Beginning, mapper: XeroMapper) -> None:
    poisoner = Poisoner(estate.sandbox.world, beginning.organisation, mapper)
    before = poisoner.add({})
    odd = {row_id for _, _, row_id in poisoner.each()}
    after = poisoner.add({})
    with estate.app.app_context():
        job = update(estate, beginning, mapper)
        known = set(db.session.scalars(select(Link.external_id)))
        assert job.state is JobState.COMPLETED, job.reason
        assert max(map(len, job.notes)) < 400
        set_aside = sum("set aside" in note for note in job.notes)
    assert {poisoner.own(before), poisoner.own(after)} <= known
    kept = sum(poisoner.own(row_id) in known for row_id in odd)
    assert len(odd) > 100
    assert 0 < kept < len(odd)
    assert set_aside >= min(len(odd) - kept, NOTES_KEPT) // 2


class Screens:
    """Everything that shows a record, as an administrator opens it."""

    def __init__(self, estate: Estate, beginning: Beginning) -> None:
        self._rules = list(estate.app.url_map.iter_rules())
        self._company = beginning.company_id
        self._person = beginning.people[Role.ADMINISTRATOR]
        self.client: FlaskClient = estate.client(self._person)
        self.csv: list[str] = []

    def look(self, kind: str, ids: Sequence[int]) -> int:
        """Open each page of each record, and say how many were there."""
        seen = 0
        for view in (view for view in RECORD_VIEWS if view.record.kind == kind):
            for rule in (rule for rule in self._rules if rule.endpoint.startswith(f"{view.path}.")):
                if "GET" in (rule.methods or ()) and "ajax" not in rule.rule:
                    seen += sum(self._opened(rule.rule, one) for one in ids)
        return seen

    def find(self, words: Sequence[str]) -> None:
        """Open what searches in records of every kind, and what tells of jobs."""
        for path in ("history/", "why/", "suppliers/", "sync-jobs/", ""):
            for word in words:
                self._well(f"/c/{self._company}/{path}", {"search": word, "q": word, "id": "1"})

    def mail(self, path: str, record_id: int) -> int:
        """Mail a document; says what the form was answered with."""
        form = {"csrf_token": self._person[1], "to": "a@b.example", "subject": "Paper", "body": "Here it is."}
        return self.client.post(f"/c/{self._company}/{path}/email/?id={record_id}", data=form).status_code

    def _opened(self, rule: str, record_id: int) -> bool:
        exports = ("csv", "lines") if "<export_type>" in rule else ("",)
        found = [self._well(self._filled(rule, sort), {"id": record_id, "archived": "all"}) for sort in exports]
        return any(found)

    def _filled(self, rule: str, sort: str) -> str:
        return rule.replace("<int:company>", str(self._company)).replace("<export_type>", sort)

    def _well(self, path: str, query: dict[str, object]) -> bool:
        answer = self.client.get(path, query_string=query, buffered=True)
        assert_well(answer, frozenset({""}))
        if answer.mimetype == "text/csv":
            self.csv += [cell for row in csv.reader(io.StringIO(answer.text)) for cell in row]
        return answer.status_code == 200


@EVERY
def test_what_they_write_runs_nowhere(
    estate: Estate, beginning: Beginning, office: PostOffice, mapper: XeroMapper
) -> None:
    poisoner = Poisoner(estate.sandbox.world, beginning.organisation, mapper)
    rows = [poisoner.own(row_id) for row_id in poisoner.shown()]
    with estate.app.app_context():
        assert update(estate, beginning, mapper).state is JobState.COMPLETED
        linked = select(Link.record_id).where(Link.kind == mapper.kind, Link.external_id.in_(rows))
        ids = list(db.session.scalars(linked))
    assert len(ids) >= 2
    screens = Screens(estate, beginning)
    assert screens.look(mapper.kind, ids) >= 2 * len(ids)
    screens.find(FOUND_BY)
    assert len(screens.csv) > len(ids)
    assert not [cell for cell in screens.csv if cell.startswith("=")]
    if issubclass(mapper.model, Document):
        mailed(estate, screens, VIEW_OF_KIND[mapper.kind].replace("_", "-"), ids, office)


def mailed(estate: Estate, screens: Screens, path: str, ids: Sequence[int], office: PostOffice) -> None:
    """Every document goes out as a letter with a PDF."""
    before = len(office.received)
    assert [screens.mail(path, one) for one in ids] == [303] * len(ids)
    with estate.app.app_context():
        for mail_id in list(db.session.scalars(select(Mail.id))):
            jobs.mail(mail_id)
    assert len(office.received) == before + len(ids)
