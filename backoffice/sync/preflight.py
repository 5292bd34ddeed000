"""Pre-flight: before anything is sent, see what would be turned down; what that rests on is read once more first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from backoffice.models import Document, Link, Record
from backoffice.sync import describe
from backoffice.sync.books import Books
from backoffice.sync.intake import by_ids
from backoffice.sync.mapper import Fact, Mapper, Refusal
from backoffice.sync.pending import due
from backoffice.sync.provider import Subject
from backoffice.sync.pull import pull_resource
from backoffice.sync.task import Task

READERS = {Subject.ORGANISATION: describe.organisation, Subject.CURRENCIES: describe.currencies}


def preflight(task: Task, mapper: Mapper, only: Collection[int] | None = None) -> None:
    """Read again, once a job, whatever stands in the way of records of a kind, or `only` of these links."""
    facts = _in_the_way(task, mapper, only) - task.read_again
    task.session.rollback()
    task.read_again |= facts
    rows: dict[str, list[str]] = defaultdict(list)
    for fact in sorted(facts, key=str):
        if fact.external_id is not None:
            rows[fact.resource].append(fact.external_id)
        else:
            _read(task, fact.resource)
    for resource, ids in rows.items():
        by_ids(task, next(each for each in task.provider.mappers if each.resource == resource), ids)


def _in_the_way(task: Task, mapper: Mapper, only: Collection[int] | None) -> set[Fact]:
    query = select(Link).where(Link.connection_id == task.connection_id, Link.kind == mapper.kind, due())
    if only is not None:
        query = query.where(Link.id.in_(only))
    links = task.session.scalars(query).all()
    books = task.books()
    records = load_records(task, mapper, [link.record_id for link in links])
    books.look_up(mapper, records.values())
    for record in records.values():
        mapper.refresh(record, books)
    found: Iterable[Sequence[Refusal]] = (
        mapper.check(records[link.record_id], link.gone, books) for link in links if link.record_id in records
    )
    facts = {refusal.fact for refusals in found for refusal in refusals if refusal.fact is not None}
    return facts | _waited_for(task, mapper, records.values(), books)


def _waited_for(task: Task, mapper: Mapper, records: Iterable[Record], books: Books) -> set[Fact]:
    """What is there already, but not yet as these records need it."""
    resources = {each.kind: each.resource for each in task.provider.mappers}
    blockers = {blocker for record in records if (blocker := mapper.blocker(record, books))}
    known = {(kind, books.external_id(kind, record_id)) for kind, record_id in blockers}
    return {Fact(resources[kind], external_id) for kind, external_id in known if external_id}


def _read(task: Task, resource: str) -> None:
    """Read a list of theirs again."""
    subject = task.provider.subjects.get(resource)
    if subject is not None:
        READERS[subject](task)
    else:
        pull_resource(task, resource, [each for each in task.provider.mappers if each.resource == resource])


def load_records(task: Task, mapper: Mapper, ids: Sequence[int]) -> dict[int, Record]:
    """Records of one kind as they are now, with their lines, by id."""
    query = select(mapper.model).where(mapper.model.id.in_(ids)).execution_options(populate_existing=True)
    if issubclass(mapper.model, Document):
        query = query.options(selectinload(mapper.model.lines), selectinload(mapper.model.contact))
    return {record.id: record for record in task.session.scalars(query)}
