"""An Update: pull, then push what waits; or a push alone. A preview goes through the same steps."""

from __future__ import annotations

from sqlalchemy import func, select, update

from backoffice.clock import now
from backoffice.models import Connection, Link
from backoffice.sync import pending, pull, push
from backoffice.sync.previews import apply
from backoffice.sync.task import Task
from backoffice.wording import counted


def bring_up_to_date(task: Task, push_only: bool) -> None:
    """Pull the task's kinds, then push what is pending of them; or push alone."""
    if not push_only:
        pull.pull(task)
        _confirm_if_nothing_waits(task)
    elif kinds := first_read(task):
        pull.pull(task, kinds)
    task.session.rollback()
    if task.confirmed:
        push.push(task)
    else:
        apply.give_back(task)


def first_read(task: Task) -> list[str]:
    """The kinds that are read before a push: what is to be created may have been made there meanwhile."""
    found = pending.kinds_to_create(task.session, task.connection_id, task.kinds) if task.confirmed else ()
    task.session.rollback()
    return list(found)


def _confirm_if_nothing_waits(task: Task) -> None:
    """Where nothing of ours was here before the link, there is nothing to ask about."""
    if task.confirmed:
        return
    waiting = task.session.scalar(
        select(func.count())
        .select_from(Link)
        .where(
            Link.connection_id == task.connection_id,
            Link.pending,
            Link.paused.is_(False),
        )
    )
    if waiting:
        task.notes.append(
            f"{counted(waiting, 'record')} of yours {'waits' if waiting == 1 else 'wait'} "
            "until you have looked at what would be sent."
        )
        return
    task.begin()
    task.session.execute(update(Connection).where(Connection.id == task.connection_id).values(push_confirmed_at=now()))
    task.commit()
    task.confirmed = True
