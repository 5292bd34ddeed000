"""What a person does with one record, or with several: archive, pause, retry, link by hand; and its history."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import abort, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_admin.actions import action
from sqlalchemy import select

from backoffice.admin import links
from backoffice.admin.addresses import return_to
from backoffice.admin.audience import for_writers
from backoffice.admin.company_base import Page, here, not_found, number
from backoffice.admin.history import history_of
from backoffice.admin.saving import read_only_sentence
from backoffice.errors import ConflictError, ReadOnlyRecordError
from backoffice.extensions import db
from backoffice.models import Link, Record
from backoffice.models.hooks import guard
from backoffice.queue import doorbell
from backoffice.sync import by_hand, pending
from backoffice.wording import counted


class RecordActions(Page):
    """The buttons of a record's page and the actions over the list."""

    @expose("/history/")
    def history_view(self) -> ResponseReturnValue:
        record = self.one()
        page = min(request.args.get("page", 0, type=int), 10_000)
        entries, more = history_of(record, max(page, 0))
        return self.render(
            "record/history.html",
            record=record,
            link=links.link_of(record),
            tab="history",
            entries=entries,
            page=page,
            more=more,
        )

    @expose("/archive/", methods=("POST",))
    def archive_view(self) -> ResponseReturnValue:
        """Put one record away."""
        return self._archived(True)

    @expose("/restore/", methods=("POST",))
    def restore_view(self) -> ResponseReturnValue:
        """Bring one record back."""
        return self._archived(False)

    def _archived(self, archived: bool) -> ResponseReturnValue:
        record = self.one()
        problem = self.change_archived(record, archived)
        if problem:
            flash(problem, "danger")
        else:
            flash(f"{record} was {'archived' if archived else 'restored'}.", "success")
        return self._to_record(record)

    def change_archived(self, record: Record, archived: bool) -> str | None:
        """Archive or restore; returns why not."""
        problem = None if archived else self.cannot_restore(record)
        if problem:
            return problem
        name, record.archived = str(record), archived
        return self.write(record, name)

    def cannot_restore(self, record: Record) -> str | None:
        """What stands in the way of bringing a record back."""
        return None

    def _to_record(self, record: Record) -> ResponseReturnValue:
        return redirect(return_to(self.open_url(record)), code=303)

    @expose("/pause/", methods=("POST",))
    def pause_view(self) -> ResponseReturnValue:
        reason = request.form.get("reason", "").replace("\x00", "").strip()[:255]
        return self._with_link(lambda link: pending.pause(db.session(), link, reason), "{} is paused.")

    @expose("/resume/", methods=("POST",))
    def resume_view(self) -> ResponseReturnValue:
        return self._with_link(lambda link: pending.resume(db.session(), link), "{} goes on.")

    @expose("/retry/", methods=("POST",))
    def retry_view(self) -> ResponseReturnValue:
        return self._with_link(lambda link: pending.retry(db.session(), link), "{} is tried again.")

    @expose("/unlink/", methods=("POST",))
    def unlink_view(self) -> ResponseReturnValue:
        company = here().id
        return self._with_link(
            lambda link: by_hand.unlink_record(db.session(), link, company),
            "{} is unlinked. Both sides keep theirs, and nothing of it is sent until you resume it.",
        )

    def _with_link(self, do: Callable[[Link], Any], said: str) -> ResponseReturnValue:
        record = self.one()
        link = links.link_of(record)
        if link is None:
            flash(f"{record} has nothing to do with {links.provider_name()} yet.", "warning")
            return self._to_record(record)
        connection_id = link.connection_id
        try:
            do(link)
            db.session.commit()
        except ConflictError as error:
            db.session.rollback()
            flash(error.message, "warning")
            return self._to_record(record)
        doorbell.ring("push", connection_id, urgent=True)
        flash(said.format(record), "success")
        return self._to_record(record)

    @expose("/link/", methods=("GET", "POST"))
    @for_writers
    def link_view(self) -> ResponseReturnValue:
        """Ours beside what is there already: choose which one it is."""
        record = self.one()
        if links.connection_here() is None:
            abort(404)
        if request.method == "POST":
            return self._link(record)
        text = request.args.get("search", record.name).replace("\x00", "")[:200]
        found = by_hand.integrated_like(db.session(), record, text)
        other = self.get_one(request.args.get("other")) or (found[0] if len(found) == 1 else None)
        return self.render(
            "record/link.html",
            record=record,
            link=links.link_of(record),
            found=found,
            other=other,
            search=text,
            tab="link",
        )

    def _link(self, record: Record) -> ResponseReturnValue:
        other = self.get_one(request.form.get("other"))
        there = other and links.link_of(other)
        if other is None or there is None or not there.external_id or other.id == record.id:
            not_found(self.noun)
        try:
            by_hand.link_by_hand(db.session(), record, other)
            db.session.commit()
        except ReadOnlyRecordError:
            db.session.rollback()
            flash(read_only_sentence(record), "danger")
            return self._to_record(record)
        except ConflictError as error:
            db.session.rollback()
            flash(error.message, "warning")
            return self._to_record(record)
        flash(f"{record} is linked. What it held before is in its history.", "success")
        return self._to_record(record)

    # Over several at once.

    @expose("/action/", methods=("POST",))
    def action_view(self) -> ResponseReturnValue:
        known = self._actions_data.get(request.form.get("action", ""))
        ids = [key for text in request.form.getlist("rowid")[:1000] if (key := number(text))]
        if known is None or not self.is_action_allowed(request.form["action"]):
            abort(404)
        if not ids:
            flash("Nothing was selected.", "warning")
        else:
            known[0](ids)
        return redirect(return_to(self.list_url()), code=303)

    def selected(self, ids: list[int]) -> list[Record]:
        """The selected records of this company."""
        model = self.record
        return list(db.session.scalars(select(model).where(model.id.in_(ids), model.company_id == here().id)))

    @action("archive", "Archive")
    def action_archive(self, ids: list[int]) -> None:
        self._archive_all(ids, True)

    @action("restore", "Restore")
    def action_restore(self, ids: list[int]) -> None:
        self._archive_all(ids, False)

    def _archive_all(self, ids: list[int], archived: bool) -> None:
        changed = 0
        for record in self.selected(ids):
            problem = None if archived else self.cannot_restore(record)
            try:
                guard(db.session(), record, ("archived",))
            except ReadOnlyRecordError:
                problem = read_only_sentence(record)
            if problem:
                flash(problem, "danger")
            elif record.archived != archived:
                record.archived = archived
                changed += 1
        db.session.commit()
        flash(f"{counted(changed, self.noun)} {'archived' if archived else 'restored'}.", "success")

    @action("pause", "Pause")
    def action_pause(self, ids: list[int]) -> None:
        self._all_links(ids, lambda link: pending.pause(db.session(), link, "paused with others"), "paused")

    @action("resume", "Resume")
    def action_resume(self, ids: list[int]) -> None:
        self._all_links(ids, lambda link: pending.resume(db.session(), link), "resumed")

    @action("retry", "Retry")
    def action_retry(self, ids: list[int]) -> None:
        self._all_links(ids, lambda link: pending.retry(db.session(), link), "tried again")

    def _all_links(self, ids: list[int], do: Callable[[Link], Any], done: str) -> None:
        found = links.links_of(self.record.kind, [r.id for r in self.selected(ids)])
        problems = []
        for link in found.values():
            try:
                do(link)
            except ConflictError as error:
                problems.append(error.message)
        connection = links.connection_here()
        connection_id = connection.id if connection else None
        db.session.commit()
        if connection_id and found:
            doorbell.ring("push", connection_id, urgent=True)
        flash(f"{counted(len(found) - len(problems), self.noun)} {done}.", "success")
        for message in problems[:5]:
            flash(message, "warning")
