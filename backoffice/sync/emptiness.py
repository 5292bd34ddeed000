"""A list that comes back empty where rows were: a person says whether they are really gone."""

from __future__ import annotations

from sqlalchemy import select

from backoffice.errors import QuestionError
from backoffice.models import Link
from backoffice.sync.provider import Page
from backoffice.sync.task import Task


def ask_about_emptiness(task: Task, resource: str, many: str, page: Page) -> None:
    """Raises: QuestionError when a list that had rows comes back empty."""
    if page.rows or resource in task.accept_empty:
        return
    known = task.session.scalar(
        select(Link.id)
        .where(Link.connection_id == task.connection_id, Link.resource == resource, Link.external_id.is_not(None))
        .where(Link.gone.is_(None))
        .limit(1)
    )
    task.session.rollback()
    if known is not None:
        raise QuestionError(
            f"{task.provider.name} answered with an empty list of {many}, and some are known here. "
            "Nothing was changed. Were they really all deleted there?",
            resource,
        )
