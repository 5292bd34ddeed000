"""Sync jobs: what is asked for, under way and done, live; and a new one on demand."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import abort, flash, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_login import current_user
from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import selectinload

from backoffice.admin import links, pauses, standing
from backoffice.admin.audience import for_writers
from backoffice.admin.company_base import Page, here, not_found, number, page_number
from backoffice.admin.company_clock import zone
from backoffice.admin.history import entries
from backoffice.admin.job_progress import job_view
from backoffice.admin.undoing import changed_here
from backoffice.admin.update import start_update
from backoffice.clock import now
from backoffice.errors import PausedError
from backoffice.extensions import db
from backoffice.models import History, JobState, PullRun, SyncAttempt, SyncAttemptItem, SyncJob
from backoffice.queue import doorbell
from backoffice.sync import jobs
from backoffice.sync.jobs import unsettled
from backoffice.wording import counted

PER_PAGE = 50
MOST_ROWS = 200
#: Records of one request that are named.
MOST_ITEMS = 20


def tabs() -> dict[str, tuple[str, ColumnElement[bool]]]:
    """The tabs of the page, each with what it lists."""
    return {
        "pending": ("Pending", SyncJob.state == JobState.PENDING),
        "running": ("Running", SyncJob.state == JobState.RUNNING),
        "failed": ("Failed", or_(SyncJob.state == JobState.FAILED, unsettled())),
        "completed": ("Completed", SyncJob.state == JobState.COMPLETED),
        "cancelled": ("Cancelled", SyncJob.state == JobState.CANCELLED),
    }


class SyncJobsView(Page):
    """The jobs of one company."""

    def __init__(self) -> None:
        super().__init__("Sync jobs", "Sync", endpoint="sync_jobs", url="sync-jobs")

    @expose("/")
    def index(self) -> ResponseReturnValue:
        known = tabs()
        counts = {key: _count(where) for key, (_, where) in known.items()}
        tab = request.args.get("tab", "")
        if tab not in known:
            tab = next((key for key in ("running", "pending", "failed") if counts[key]), "completed")
        page = page_number()
        query = select(SyncJob).where(SyncJob.company_id == here().id, known[tab][1])
        query = query.options(selectinload(SyncJob.user), selectinload(SyncJob.connection))
        rows = db.session.scalars(query.order_by(SyncJob.id.desc()).offset(page * PER_PAGE).limit(PER_PAGE + 1)).all()
        return self.render(
            "sync_jobs/list.html",
            tabs={key: (word, counts[key]) for key, (word, _) in known.items()},
            tab=tab,
            rows=rows[:PER_PAGE],
            more=len(rows) > PER_PAGE,
            page=page,
            fresh=standing.freshness(),
        )

    @expose("/details/")
    def details(self) -> ResponseReturnValue:
        job = self._one()
        items = selectinload(SyncAttempt.items).defer(SyncAttemptItem.payload)
        query = select(SyncAttempt).where(SyncAttempt.sync_job_id == job.id).options(items)
        attempts = db.session.scalars(query.order_by(SyncAttempt.id.desc()).limit(MOST_ROWS)).all()
        shown = [item for attempt in attempts for item in attempt.items[:MOST_ITEMS]]
        written = select(History).where(History.sync_job_id == job.id, History.company_id == here().id)
        rows = db.session.scalars(written.order_by(History.id.desc()).limit(MOST_ROWS)).all()
        return self.render(
            "sync_jobs/details.html",
            job=job,
            attempts=attempts,
            most_items=MOST_ITEMS,
            pulls=db.session.scalars(select(PullRun).where(PullRun.sync_job_id == job.id).order_by(PullRun.id)).all(),
            written=entries(rows),
            can_undo=not job.open and changed_here(job),
            records=links.records_at((item.kind, item.record_id) for item in shown),
            still_refused=db.session.scalar(select(SyncJob.id).where(SyncJob.id == job.id, unsettled())) is not None,
            can_retry=self._can_retry(job),
        )

    @expose("/progress/")
    def progress(self) -> ResponseReturnValue:
        """The jobs that a page shows live, as they stand now."""
        ids = [key for text in request.args.get("ids", "").split(",")[:PER_PAGE] if (key := number(text))]
        query = select(SyncJob).where(SyncJob.company_id == here().id, SyncJob.id.in_(ids))
        return jsonify(jobs=[job_view(job, links.provider_name()) for job in db.session.scalars(query)])

    @expose("/new/", methods=("GET", "POST"))
    @for_writers
    def create(self) -> ResponseReturnValue:
        connection = links.connection_here()
        provider = links.provider_here()
        if connection is None or provider is None:
            abort(404)
        kinds = [mapper.kind for mapper in provider.mappers]
        problem = self._start(connection, kinds) if request.method == "POST" else None
        if request.method == "POST" and problem is None:
            return redirect(url_for("sync_jobs.index"), code=303)
        return self.render("sync_jobs/form.html", kinds=kinds, problem=problem, zone=here().time_zone)

    def _start(self, connection: Any, kinds: list[str]) -> str | None:
        chosen = [kind for kind in kinds if kind in request.form.getlist("kind")]
        if not chosen:
            return "Tick at least one kind of record."
        due_at = None
        if request.form.get("when") == "later":
            try:
                due_at = datetime.fromisoformat(request.form.get("at", "")).replace(tzinfo=zone(here()))
            except (ValueError, OverflowError):
                return "Choose a day and a time."
            if due_at <= now():
                return "That time has passed; choose a later one."
        start_update(connection, chosen, due_at=due_at)
        return None

    @expose("/retry/", methods=("POST",))
    def retry(self) -> ResponseReturnValue:
        job = self._one()
        if not self._can_retry(job):
            flash("This job is not one to try again.", "warning")
            return redirect(url_for("sync_jobs.details", id=job.id), code=303)
        return self._begun(jobs.retry(db.session(), job, current_user.id))

    def _can_retry(self, job: SyncJob) -> bool:
        """Only what failed is done again; an empty answer is a question, and what is done is done."""
        found = select(SyncJob.id).where(SyncJob.id == job.id, tabs()["failed"][1], SyncJob.question.is_(None))
        return job.connection.active and db.session.scalar(found) is not None

    @expose("/retry-all/", methods=("POST",))
    def retry_all(self) -> ResponseReturnValue:
        """Try every job that is listed as failed again."""
        connection = links.connection_here()
        failed = select(SyncJob).where(
            SyncJob.company_id == here().id,
            SyncJob.connection_id == (connection.id if connection else None),
            tabs()["failed"][1],
            SyncJob.question.is_(None),
        )
        found = db.session.scalars(failed.order_by(SyncJob.id.desc())).all()
        started, refused = [], None
        for job in found:
            try:
                started.append(jobs.retry(db.session(), job, current_user.id).id)
            except PausedError as error:
                refused = error
                db.session.rollback()
        if refused is not None:
            pauses.say_so(refused)
        for job_id in started:
            doorbell.ring("run", job_id, urgent=True)
        flash(f"{counted(len(started), 'job')} started again." if started else "There is nothing to try again.", "info")
        return redirect(url_for("sync_jobs.index", tab="pending"), code=303)

    @expose("/cancel/", methods=("POST",))
    def cancel(self) -> ResponseReturnValue:
        job = self._one()
        if job.open:
            jobs.cancel(db.session(), job)
            done = job.state is JobState.CANCELLED
            flash("The job is cancelled." if done else "The job ends after the batch in flight.", "success")
        return redirect(url_for("sync_jobs.details", id=job.id), code=303)

    @expose("/accept-empty/", methods=("POST",))
    def accept_empty(self) -> ResponseReturnValue:
        """Somebody says that the records are really gone."""
        job = self._one()
        if not job.question:
            abort(404)
        return self._begun(jobs.accept_empty(db.session(), job, current_user.id))

    def _begun(self, job: SyncJob) -> ResponseReturnValue:
        job_id = job.id
        doorbell.ring("run", job_id, urgent=True)
        flash("Started again.", "info")
        return redirect(url_for("sync_jobs.details", id=job_id), code=303)

    def _one(self) -> SyncJob:
        key = number(request.values.get("id"))
        job = db.session.get(SyncJob, key) if key else None
        return job if job is not None and job.company_id == here().id else not_found("sync job")


def _count(where: ColumnElement[bool]) -> int:
    query = select(func.count()).select_from(SyncJob).where(SyncJob.company_id == here().id, where)
    return db.session.scalar(query) or 0
