"""One run of a sync job: what every step of it needs, and the door through which it writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session, SessionTransaction

from backoffice import stop
from backoffice.clock import now
from backoffice.models import CompanySettings, Connection, SyncJob, Winner
from backoffice.sync import pause
from backoffice.sync.books import Books
from backoffice.sync.lease import Turn, lock_connection, somebody_waits
from backoffice.sync.mapper import Fact, Mapper
from backoffice.sync.provider import Client, Provider


class CancelledError(Exception):
    """Somebody asked for an end; what is done stays done. Its text says why, where that is not plain."""


class GiveWayError(Exception):
    """A more urgent job of the same connection is due; this one goes on later where it stopped.

    Its text says what else it gives way to.
    """


@dataclass
class Task:
    """A worker's hold on one job: the job, its organisation, and a client for it."""

    session: Session
    turn: Turn
    provider: Provider
    client: Client
    connection_id: int
    company_id: int
    kinds: Sequence[str]
    settings: CompanySettings
    #: Whether a person has agreed that what waits here is sent.
    confirmed: bool
    accept_empty: Sequence[str] = ()
    #: Whether lists are read from their beginning.
    thorough: bool = False
    #: Pages read ahead at a time.
    in_flight: int = 1
    #: Called with the progress, for a person who waits at a terminal.
    watch: Callable[[dict[str, Any]], None] | None = None
    #: Where people reach this application, with a scheme.
    address: str = ""
    #: How long what a webhook tells of waits for more.
    gather: timedelta = timedelta()
    #: What was counted and not yet written to the job.
    tally: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    #: What was read once more because it stood in the way of something.
    read_again: set[Fact] = field(default_factory=set)
    #: The kinds of which something that waits to be created may be there already.
    perhaps_there: Collection[str] = ()
    #: The transaction in which the turn was renewed.
    _begun: SessionTransaction | None = None
    _calls_written: int = 0
    _budget_written: tuple[int | None, int | None] = (None, None)

    @property
    def job_id(self) -> int:
        return self.turn.job_id

    @property
    def calls(self) -> int:
        """What the job has cost so far."""
        written = self.session.scalar(select(SyncJob.calls).where(SyncJob.id == self.job_id)) or 0
        return written + self.client.calls - self._calls_written

    @property
    def winner(self) -> Winner:
        return self.settings.conflict_winner

    def mappers(self, kinds: Collection[str] | None = None) -> list[Mapper]:
        """The mappers of the kinds it covers, or of these, with those that come in the same lists."""
        wanted = self.kinds if kinds is None else kinds
        resources = {mapper.resource for mapper in self.provider.mappers if mapper.kind in wanted}
        return [mapper for mapper in self.provider.mappers if mapper.resource in resources]

    def going(self, mappers: Iterable[Mapper]) -> list[Mapper]:
        """Those of some mappers whose kinds are not paused."""
        return [mapper for mapper in mappers if not pause.held(self.settings, mapper.kind)]

    def follow_settings(self) -> None:
        """Go on with what was chosen meanwhile. Raises: CancelledError when the company was paused."""
        chosen = select(CompanySettings).filter_by(company_id=self.company_id)
        self._follow(self.session.scalars(chosen.execution_options(populate_existing=True)).one())

    def _follow(self, settings: CompanySettings) -> None:
        self.session.expunge(settings)
        self.settings = settings
        if settings.paused:
            raise CancelledError(pause.WORDS)

    def books(self) -> Books:
        """The company's books as they are now, for the length of a transaction."""
        connection = self.session.get_one(Connection, self.connection_id)
        return Books(self.session, connection, self.settings, self.address)

    def begin(self) -> None:
        """Start a writing transaction under the fence. Raises: LeaseLostError.

        Rows are locked in one order everywhere: connection, job, records, links.
        """
        self.session.rollback()
        lock_connection(self.session, self.connection_id)
        self.turn.write(self.session)
        self._begun = self.session.get_transaction()

    def commit(self, progress: dict[str, Any] | None = None, moved: bool = False) -> None:
        """End a writing transaction, with what was counted and where the job stands.

        `moved` says that the work got on, so that failures before it no longer count as failures in a row.
        """
        changes: dict[str, Any] = {name: getattr(SyncJob, name) + n for name, n in self.tally.items() if n}
        calls = self.client.calls - self._calls_written
        if calls:
            changes["calls"] = SyncJob.calls + calls
        if progress is not None:
            changes["progress"] = progress
        if moved:
            changes |= {"failures": 0, "lost_workers": 0}
        if self.notes:
            known = self.session.get_one(SyncJob, self.job_id).notes
            changes["notes"] = [*known, *(note for note in self.notes if note not in known)][:200]
        if changes or self._begun is None or self.session.get_transaction() is not self._begun:
            self.turn.write(self.session, **changes)
        budget = self._keep_budget()
        self.session.commit()
        self._budget_written = budget
        self._calls_written += calls
        self.tally.clear()
        self.notes.clear()
        if self.watch and progress is not None:
            self.watch(progress)

    def _keep_budget(self) -> tuple[int | None, int | None]:
        """Put down what is left of the organisation's calls, if that is news; says what is put down then."""
        day, minute = budget = self.client.budget  # which moves while pages are under way
        if budget != self._budget_written:
            self.session.execute(
                update(Connection)
                .where(Connection.id == self.connection_id)
                .values(day_left=day, minute_left=minute, budget_at=now())
                .execution_options(synchronize_session=False)
            )
        return budget

    def count_calls(self) -> None:
        """Put down the calls of a job that ends or waits before it could commit. Raises: LeaseLostError."""
        calls = self.client.calls - self._calls_written
        if calls:
            self.turn.write(self.session, calls=SyncJob.calls + calls)
            self.session.commit()
            self._calls_written += calls

    def pause_here(self) -> None:
        """Between two pages or batches: see whether to stop or to give way. Raises: CancelledError, GiveWayError."""
        self.turn.check()
        here = select(SyncJob.cancel_requested, somebody_waits(), CompanySettings).where(SyncJob.id == self.job_id)
        here = here.join(CompanySettings, CompanySettings.company_id == SyncJob.company_id)
        here = here.execution_options(populate_existing=True)
        cancelled, waits, settings = self.session.execute(here).one()
        self._follow(settings)
        self.session.rollback()
        if cancelled:
            raise CancelledError
        if waits:
            raise GiveWayError
        if stop.requested():
            raise GiveWayError("another worker: its own was stopped")
