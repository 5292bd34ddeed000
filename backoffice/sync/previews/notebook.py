"""The notebook: what the provider answered while a preview is taken, kept apart from the books."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import insert, select

from backoffice.models import Connection, PreviewAnswer
from backoffice.sync.mapper import Payload
from backoffice.sync.provider import Organisation, Page, Subject
from backoffice.sync.task import Task

#: What marks an exact number in JSON.
EXACT = "backoffice:exact"


@dataclass(frozen=True)
class Question:
    """One thing to ask: a page of a list, a list that comes whole, one row by its id, or about the organisation."""

    resource: str
    page: int | None = None
    since: datetime | None = None
    row: str | None = None

    @property
    def key(self) -> str:
        return f"{self.resource} {self.page or ''} {self.since.isoformat() if self.since else ''} {self.row or ''}"


class Notebook:
    """The answers for one preview. They are put down as they come, so that whoever goes on with it asks none twice."""

    def __init__(self, task: Task, preview_id: int) -> None:
        self._task, self._preview_id = task, preview_id
        self._id_keys = {m.resource: m.id_key for m in reversed(task.provider.mappers) if m.parent is None}
        self._answers: dict[str, bytes] = {}
        #: Where each row of theirs that was read in a list stands: (resource, id) -> key of the answer.
        self._places: dict[tuple[str, str], str] = {}
        self._open: tuple[str, Any] = ("", None)
        kept = select(PreviewAnswer).where(PreviewAnswer.preview_id == preview_id).order_by(PreviewAnswer.id)
        for answer in task.session.scalars(kept):
            self._keep(answer.question, answer.content)
        task.session.rollback()

    def knows(self, question: Question) -> bool:
        return question.key in self._answers or (question.resource, str(question.row)) in self._places

    def page(self, question: Question) -> Page:
        """A page of a list, or a list that came whole."""
        kept = self._answer(question.key)
        time = datetime.fromisoformat(kept["time"])
        return Page(kept["rows"], time, kept["page_count"], kept["item_count"])

    def row(self, resource: str, external_id: str) -> Payload | None:
        """A row of theirs, as it was read last; None for one that is not there."""
        place = self._places.get((resource, external_id))
        if place is None:
            found: Payload | None = self._answer(Question(resource, row=external_id).key)
            return found
        rows: list[Payload] = self._answer(place)["rows"]
        return next(row for row in rows if str(row.get(self._id_keys[resource])) == external_id)

    def answer(self, question: Question) -> Any:
        """What was answered about the organisation."""
        return self._answer(question.key)

    def ask(self, questions: Iterable[Question]) -> None:
        """Read what is not known yet, outside any transaction."""
        missing = [question for question in dict.fromkeys(questions) if not self.knows(question)]
        rows: dict[str, list[str]] = {}
        for question in missing:
            if question.row is not None:
                rows.setdefault(question.resource, []).append(question.row)
            else:
                self._put({question.key: self._read(question)})
        for resource, ids in rows.items():
            size = self._task.provider.ids_per_call
            for start in range(0, len(ids), size):
                self._read_rows(resource, ids[start : start + size])

    def _read(self, question: Question) -> Any:
        task, resource = self._task, question.resource
        if (subject := task.provider.subjects.get(resource)) is not None:
            return self._describe(subject)
        if question.page is None:
            page = task.client.whole(resource)
        else:
            page = task.client.page(resource, question.page, question.since)
        figures = {"page_count": page.page_count, "item_count": page.item_count}
        return {"rows": list(page.rows), "time": page.provider_time.isoformat(), **figures}

    def _describe(self, subject: Subject) -> Any:
        task = self._task
        connection = task.session.get_one(Connection, task.connection_id)
        task.session.expunge(connection)
        task.session.rollback()
        task.tally["calls"] += 1
        if subject is Subject.CURRENCIES:
            return list(task.provider.currencies(connection))
        found = vars(task.provider.organisation(connection))
        locked = found["locked_until"]
        return {**found, "locked_until": locked and locked.isoformat()}

    def _read_rows(self, resource: str, ids: list[str]) -> None:
        found = {str(row.get(self._id_keys[resource])): row for row in self._task.client.by_ids(resource, ids)}
        self._put({Question(resource, row=external_id).key: found.get(external_id) for external_id in ids})

    def _put(self, answers: dict[str, Any]) -> None:
        task = self._task
        kept = {key: zlib.compress(json.dumps(answer, default=_written).encode(), 1) for key, answer in answers.items()}
        common = {"company_id": task.company_id, "preview_id": self._preview_id}
        task.begin()
        rows = [{**common, "question": key, "content": content} for key, content in kept.items()]
        task.session.execute(insert(PreviewAnswer.table()), rows)
        task.commit({"text": "Reading what is there", "done": len(self._answers), "total": None}, moved=True)
        for key, content in kept.items():
            self._keep(key, content)
        task.pause_here()

    def _keep(self, key: str, content: bytes) -> None:
        self._answers[key] = content
        resource, answer = key.split(" ")[0], self._answer(key)
        if isinstance(answer, dict) and isinstance(answer.get("rows"), list) and "time" in answer:
            id_key = self._id_keys.get(resource, "")
            self._places |= {(resource, str(row[id_key])): key for row in answer["rows"] if id_key in row}

    def _answer(self, key: str) -> Any:
        if self._open[0] != key:
            text = zlib.decompress(self._answers[key])
            self._open = key, json.loads(text, object_hook=_read_exact, parse_float=Decimal)
        return self._open[1]


def organisation(kept: dict[str, Any]) -> Organisation:
    """An organisation as it was put down."""
    locked = kept["locked_until"]
    return Organisation(**{**kept, "locked_until": locked and datetime.fromisoformat(locked).date()})


def _written(value: Any) -> Any:
    return {EXACT: str(value)} if isinstance(value, Decimal) else str(value)


def _read_exact(value: dict[str, Any]) -> Any:
    exact = value.get(EXACT)
    return Decimal(exact) if len(value) == 1 and isinstance(exact, str) else value
