"""The judge: decides, row by row, between what they say and what we hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from backoffice.models import Winner
from backoffice.models.history import as_text
from backoffice.sync.held import Held, before_edits, diff
from backoffice.sync.loading import Loaded
from backoffice.sync.mapper import Mapper
from backoffice.sync.pending import weigh_again
from backoffice.sync.task import Task
from backoffice.sync.writer import Writer


class Judge:
    """What becomes of the rows of one kind on a page; it is written when all are judged."""

    def __init__(self, task: Task, mapper: Mapper) -> None:
        self._task, self._mapper = task, mapper
        self._write = Writer(task, mapper)
        #: Links of what waits, of which they changed what they alone decide.
        self._moved: set[int] = set()

    def known(self, row: Held, theirs: Loaded) -> None:
        """Decide for a row that is linked: theirs, ours, a question, or nothing to do."""
        changes = diff(row, theirs.values)
        if row.link_paused:
            if row.link_version != theirs.version:
                self._write.see(row, None, row.link_gone)  # to be read again when it is resumed
        elif row.link_attempt_id is not None:
            return  # its own request is settled first
        elif self._mapper.asks and row.link_sent_at is not None:
            self._ours(row, theirs)
        elif not row.link_pending or not changes:
            self.take(row, theirs, changes)
        else:
            self._pending(row, theirs, changes)

    def _pending(self, row: Held, theirs: Loaded, changes: dict[str, Any]) -> None:
        """Ours was edited and waits: theirs is new to us only if it was changed as well."""
        ended = self._mapper.asks and theirs.gone is not None
        if row.link_version == theirs.version or theirs.agrees(row.link_agreed) or ended:
            self.marks(row, theirs)
            if row.link_version != theirs.version or ended:
                self._write.see(row, theirs.version, theirs.gone)
        elif self._mapper.asks:
            self._ask(row, theirs)
        else:
            self._conflict(row, theirs, changes)

    def take(self, row: Held, theirs: Loaded, changes: dict[str, Any]) -> None:
        """Their values stay."""
        revision = row.revision
        if set(changes) <= self._mapper.computed:
            changes = {}
        if changes:
            revision = self._write.change(row, changes, counted=bool(set(changes) - self._mapper.theirs))
            counted = "archived" if changes.get("archived") else "updated"
            self._task.tally[counted] += 1
        else:
            self._task.tally["unchanged"] += 1
        if changes or row.link_pending or row.link_version != theirs.version or row.link_gone != theirs.gone:
            self._write.agree(row, theirs, revision)

    def _ours(self, row: Held, theirs: Loaded) -> None:
        """What we sent stays as it is here; a person is asked where somebody changed it there."""
        if theirs.agrees(row.link_agreed) or theirs.gone:
            self.marks(row, theirs)
            if row.link_version != theirs.version or row.link_gone != theirs.gone or row.link_in_question:
                self._write.see(row, theirs.version, theirs.gone)
        elif self._alike(row, theirs):
            self.marks(row, theirs)
            self._write.agree(row, theirs, row.revision)
        else:
            self._ask(row, theirs)

    def _alike(self, row: Held, theirs: Loaded) -> bool:
        """Whether what we would send is what is there by now."""
        record = self._task.session.get_one(self._mapper.model, row.id)
        return self._mapper.agreed(self._mapper.whole(record, self._task.books())) == theirs.agreed

    def marks(self, row: Held, theirs: Loaded) -> None:
        """Take what they alone decide; where it stands, if it is theirs alone or has ended there."""
        decided = self._mapper.theirs
        if theirs.gone or (row.link_sent_at is None and not row.link_pending):
            decided = decided | self._mapper.standing
        marks = {column: value for column, value in diff(row, theirs.values).items() if column in decided}
        if marks:
            self._write.change(row, marks, counted=False)
            self._task.tally["updated"] += 1
            self._moved |= {row.link_id} if row.link_pending else set()
        else:
            self._task.tally["unchanged"] += 1

    def _ask(self, row: Held, theirs: Loaded) -> None:
        """It was changed there: keep what it is there until a person has decided."""
        self.marks(row, theirs)
        if row.link_version == theirs.version and row.link_in_question:
            return
        self._write.ask(row, theirs)
        self._task.notes.append(f"{row.name} was changed in {self._task.provider.name} after it was sent.")

    def _conflict(self, row: Held, theirs: Loaded, changes: dict[str, Any]) -> None:
        name = row.name
        if self._task.winner is Winner.PROVIDER:
            self._task.notes.append(
                f"{name} was edited on both sides; {self._task.provider.name}'s values stay, ours are in its history."
            )
            self.take(row, theirs, changes)
            return
        self.marks(row, theirs)
        self._task.notes.append(
            f"{name} was edited on both sides; ours will be sent, {self._task.provider.name}'s are in its history."
        )
        overruled = {column: value for column, value in changes.items() if column not in self._mapper.theirs}
        for column, value in overruled.items():
            self._write.entry(row.id, "overruled there", column, value, row.values[column])
        self._write.alert(row, self._changed_there(row, overruled))
        self._write.see(row, theirs.version, theirs.gone)

    def _changed_there(self, row: Held, overruled: dict[str, Any]) -> dict[str, Any]:
        """The guarded columns that are neither ours nor what was here before ours was edited: they changed them."""
        guarded = self._mapper.model.guarded(row.values) & overruled.keys()
        before = before_edits(self._task.session, self._mapper.kind, row, guarded)
        return {c: overruled[c] for c in guarded if c not in before or before[c] != as_text(overruled[c])}

    def create(self, rows: Sequence[Loaded]) -> None:
        """Make records of rows that are new here."""
        self._write.create(rows)

    def flush(self) -> None:
        """Write what was decided."""
        changed = self._write.flush()
        if changed:
            self._mapper.model.follow_up(self._task.session, changed)
            self._task.session.flush()
        if self._moved:
            weigh_again(self._task.session, self._moved)
