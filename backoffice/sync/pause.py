"""Pausing a company, or a kind of its records: nothing of it travels until it is resumed; then all that was held back.

No bookmark moves past what a reading left out: each reading says which paused kinds it lacked, and the next one that
wants them begins where the last one began that had them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from backoffice.clock import now
from backoffice.errors import PausedError
from backoffice.models import KINDS, CompanySettings, Connection, JobState, SyncJob

if TYPE_CHECKING:
    from backoffice.sync.mapper import Mapper

#: Why a job of a paused company ended.
WORDS = "The company is paused. What was held back goes when somebody resumes it."


def held(settings: CompanySettings, kind: str | None = None) -> bool:
    """Whether nothing of the company travels just now; with a kind, whether nothing of that kind does."""
    return settings.paused or kind in settings.paused_kinds


def going(session: Session, company_id: int, kinds: Sequence[str]) -> list[str]:
    """Those of some kinds that are not paused by themselves. Raises: PausedError when nothing of them travels."""
    settings = session.scalar(
        select(CompanySettings).filter_by(company_id=company_id).execution_options(populate_existing=True)
    )
    if settings is None:
        return list(kinds)
    if settings.paused:
        raise PausedError(WORDS)
    found = [kind for kind in kinds if not held(settings, kind)]
    if kinds and not found:
        names = ", ".join(KINDS[kind].plural() for kind in kinds)
        raise PausedError(f"{names.capitalize()}: paused. What was held back goes when somebody resumes it.", kinds)
    return found


def left_out(settings: CompanySettings, mappers: Iterable[Mapper], every: Iterable[Mapper]) -> set[str]:
    """The paused kinds that rows of these mappers are, or name: new rows that name one cannot be made."""
    names = {mapper.kind: {ref.kind for ref in (*mapper.refs, *mapper.line_refs)} for mapper in every}
    found: set[str] = set()
    ahead = [mapper.kind for mapper in mappers]
    while ahead:
        kind = ahead.pop()
        if kind not in found:
            found.add(kind)
            ahead += names.get(kind, ())
    return found & set(settings.paused_kinds)


def pause(session: Session, settings: CompanySettings) -> None:
    """Stop a company: jobs that wait end now, one that runs ends after its batch. Commits."""
    _lock(session, settings)
    settings.paused = True
    session.flush()
    session.execute(
        update(SyncJob)
        .where(SyncJob.company_id == settings.company_id, SyncJob.state == JobState.PENDING)
        .values(state=JobState.CANCELLED, ended_at=now(), waiting_for=None, waiting_kind=None, reason=WORDS)
        .execution_options(synchronize_session=False)
    )
    session.commit()


def resume(session: Session, settings: CompanySettings) -> None:
    """Let a company go on; the caller asks for an Update of everything. Commits."""
    settings.paused = False
    session.commit()


def pause_kinds(session: Session, settings: CompanySettings, kinds: Iterable[str]) -> None:
    """Neither send nor bring in records of these kinds. Commits."""
    _lock(session, settings)
    settings.paused_kinds = sorted({*settings.paused_kinds, *kinds})
    session.commit()


def resume_kinds(session: Session, settings: CompanySettings, kinds: Iterable[str]) -> None:
    """Let these kinds go on; the caller asks for an Update of everything: others waited for them. Commits."""
    settings.paused_kinds = sorted({*settings.paused_kinds} - {*kinds})
    session.commit()


def _lock(session: Session, settings: CompanySettings) -> None:
    """Let nobody ask for a job meanwhile."""
    connections = select(Connection.id).where(Connection.company_id == settings.company_id).order_by(Connection.id)
    session.scalars(connections.with_for_update(key_share=True)).all()
