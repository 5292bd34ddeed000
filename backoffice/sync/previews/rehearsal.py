"""Rehearsal: an Update or a push as it is, on a stage: what it reads was read before, what it writes is taken back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from typing import Any, cast
from uuid import uuid4

from sqlalchemy import Engine, StaticPool, create_engine, func, select, text
from sqlalchemy.orm import Session

from backoffice import models
from backoffice.database import is_postgresql, prepare_copy
from backoffice.models import Connection, History
from backoffice.sync.lease import Turn
from backoffice.sync.mapper import Mapper, Payload
from backoffice.sync.previews.notebook import Notebook, Question, organisation
from backoffice.sync.provider import Client, Organisation, Outcome, Page, Provider, Subject
from backoffice.sync.task import Task

#: Who waits for a row longer than this gives way: it is less than what a database waits before it looks for a deadlock.
LOCK_TIMEOUT = "500ms"


class UnreadError(Exception):
    """It cannot go on without an answer that was not read yet."""


class Stage(Session):
    """A session that keeps revision and history as all do, and rings for nobody."""


models.listen(Stage)


@contextmanager
def stage(task: Task) -> Iterator[Session]:
    """A session whose commits are savepoints of one transaction, which is taken back in the end."""
    info = {"routes": task.session.info.get("routes", {})}
    engine: Any = task.session.get_bind()
    task.session.rollback()
    with _beside(engine) as other, other.connect() as connection:
        transaction = connection.begin()
        session = Stage(bind=connection, join_transaction_mode="create_savepoint", info=info)
        if is_postgresql(session):
            connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
        try:
            yield session
        finally:
            session.close()
            transaction.rollback()


@contextmanager
def _beside(engine: Engine) -> Iterator[Engine]:
    """The database; for SQLite a copy of its file, because there one who writes holds up everybody who does."""
    if engine.dialect.name != "sqlite":
        yield engine
        return
    copy = sqlite3.connect("", check_same_thread=False)  # a file without a name, gone when it is closed
    with closing(copy):
        with closing(engine.raw_connection()) as source:
            source.driver_connection.backup(copy)  # type: ignore[union-attr]
        other = create_engine("sqlite://", creator=lambda: copy, poolclass=StaticPool)
        prepare_copy(other)
        yield other


class Rehearsal(Task):
    """A task on the stage. It holds no lease, and what it counts and notes stays with it."""

    def begin(self) -> None:
        self.session.rollback()

    def commit(self, progress: dict[str, Any] | None = None, moved: bool = False) -> None:
        self.session.commit()

    def pause_here(self) -> None:
        """Nothing stops it: it makes no calls."""


@dataclass
class Replay:
    """The port `Client`, from the notebook: it notes what it does not know, and takes down what is sent."""

    notebook: Notebook
    session: Session
    calls: int = 0
    correlation: str | None = None
    budget: tuple[int | None, int | None] = (None, None)
    #: What has to be read before this can be played to its end.
    wanted: list[Question] = field(default_factory=list)
    #: By the key of each request that was sent, how far the history had come.
    sent: dict[str, int] = field(default_factory=dict)
    _made: dict[str, Payload] = field(default_factory=dict)

    def page(self, resource: str, number: int, since: datetime | None = None) -> Page:
        return self._list(Question(resource, number, since))

    def whole(self, resource: str) -> Page:
        return self._list(Question(resource))

    def _list(self, question: Question) -> Page:
        self.calls += 1
        if not self.notebook.knows(question):
            self.wanted.append(question)
            raise UnreadError
        return self.notebook.page(question)

    def by_ids(self, resource: str, ids: Sequence[str], since: datetime | None = None) -> Sequence[Payload]:
        """What is known of these; the others are as if they were not there, and are read for the next time."""
        self.calls += 1
        known = [i for i in ids if i in self._made or self.notebook.knows(Question(resource, row=i))]
        self.wanted += [Question(resource, row=i) for i in ids if i not in known]
        rows = (self._made.get(i) or self.notebook.row(resource, i) for i in known)
        return [row for row in rows if row is not None]

    def find(self, mapper: Mapper, payload: Payload) -> Sequence[Payload]:
        """Nothing: what has no outcome yet is left out."""
        return ()

    def send(self, mapper: Mapper, action: str, payloads: Sequence[Payload], key: str) -> Sequence[Outcome]:
        """Answer as if all of it was taken as it is."""
        self.calls += 1
        self.sent[key] = self.session.scalar(select(func.max(History.id))) or 0
        self.session.rollback()
        return [Outcome(payload=self._taken(mapper, payload)) for payload in payloads]

    def _taken(self, mapper: Mapper, payload: Payload) -> Payload:
        external_id = str(payload.get(mapper.id_key) or uuid4())
        answer = {**self.there(mapper, external_id), **payload, mapper.id_key: external_id}
        self._made[external_id] = answer
        return answer

    def there(self, mapper: Mapper, external_id: str | None) -> Payload:
        """What is there under an id; nothing if that was not read."""
        known = external_id is not None and self.notebook.knows(Question(mapper.resource, row=external_id))
        return (self.notebook.row(mapper.resource, str(external_id)) if known else None) or {}


class Prompter:
    """The port `Provider`, as it is, but for what is asked of the organisation: that too was read before."""

    def __init__(self, provider: Provider, replay: Replay) -> None:
        self._provider, self._replay = provider, replay
        self._resources = {subject: resource for resource, subject in provider.subjects.items()}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._provider, name)

    def organisation(self, _connection: Connection) -> Organisation:
        return organisation(self._read(Subject.ORGANISATION))

    def currencies(self, _connection: Connection) -> Sequence[str]:
        return list(self._read(Subject.CURRENCIES))

    def _read(self, subject: Subject) -> Any:
        question = Question(self._resources[subject])
        if not self._replay.notebook.knows(question):
            self._replay.wanted.append(question)
            raise UnreadError
        return self._replay.notebook.answer(question)


def on_stage(task: Task, session: Session, replay: Replay, confirmed: bool) -> Rehearsal:
    """The same task, on the stage."""
    return Rehearsal(
        session=session,
        turn=Turn(task.turn.job_id, task.turn.fence, inf),
        provider=cast(Provider, Prompter(task.provider, replay)),
        client=cast(Client, replay),
        connection_id=task.connection_id,
        company_id=task.company_id,
        kinds=task.kinds,
        settings=task.settings,
        confirmed=confirmed,
        accept_empty=task.accept_empty,
        address=task.address,
    )
