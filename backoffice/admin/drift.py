"""Drift report: whether both sides are equal, or each difference with a button for each way to settle it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_login import current_user
from sqlalchemy import func, select

from backoffice.admin import drift_lines, drift_words, links, standing
from backoffice.admin.changed_there import barred
from backoffice.admin.company_base import Page, number, page_number
from backoffice.admin.messages import say
from backoffice.errors import ConflictError
from backoffice.extensions import db
from backoffice.models import KINDS, Cause, Connection, Drift, Role, StartedBy
from backoffice.queue import doorbell
from backoffice.sync.reconciliation import reconcile, settling
from backoffice.sync.reconciliation.settling import Way
from backoffice.wording import counted

#: So many are settled at once.
AT_ONCE = 500


class DriftView(Page):
    """The report, and its buttons."""

    def __init__(self) -> None:
        super().__init__("Drift report", "Sync", endpoint="drift_report", url="drift-report")

    @expose("/")
    def index(self) -> ResponseReturnValue:
        connection = links.connection_here()
        left = "left" in request.args
        page = page_number()
        chosen = _chosen(request.args.get("kind", ""), request.args.get("cause", ""))
        run = reconcile.last(db.session(), connection) if connection else None
        return self.render(
            "drift/index.html",
            run=run,
            groups=drift_lines.groups(connection, left, chosen, page) if connection else [],
            chosen=chosen,
            page=page,
            shown=drift_lines.SHOWN,
            left=left,
            left_count=_count(connection, Drift.settled_at.is_(None), Drift.left_at.is_not(None)),
            lists=drift_lines.compared(run),
            settled=drift_lines.settled_lately(connection),
            former=drift_lines.former(connection),
            job=drift_lines.open_job(connection),
            calls=_calls(connection),
            fresh=standing.freshness(),
            words=drift_words,
        )

    @expose("/reconcile/", methods=("POST",))
    def reconcile_now(self) -> ResponseReturnValue:
        connection, provider = links.connection_here(), links.provider_here()
        if connection is None or provider is None or not connection.usable:
            flash("The company has to be linked first.", "warning")
            return redirect(url_for("drift_report.index"), code=303)
        kinds = [mapper.kind for mapper in provider.mappers]
        person = StartedBy.PERSON
        job, new = reconcile.request_reconciliation(
            db.session(), connection, kinds, user_id=current_user.id, started_by=person
        )
        doorbell.ring("run", job.id)
        said = "Both sides are being compared; nothing is changed." if new else "They are being compared already."
        say(said, url_for("sync_jobs.details", id=job.id), "See the job")
        return redirect(url_for("drift_report.index"), code=303)

    @expose("/settle/", methods=("POST",))
    def settle(self) -> ResponseReturnValue:
        """Settle one difference, or all of one kind and cause."""
        connection, way = links.connection_here(), request.form.get("way", "")
        back = redirect(url_for("drift_report.index", left=request.form.get("left") or None), code=303)
        if connection is None or way not in set(Way):
            flash("Choose what is to be done.", "danger")
            return back
        if way == Way.UNLINK and not current_user.may(Role.ADMINISTRATOR):
            abort(403)
        if not connection.usable and way != Way.LEAVE:
            flash("The company has to be linked again first.", "warning")
            return back
        rows = _pressed(connection)
        if rows and request.form.get("seen") != _shown(connection, rows):
            flash("Something else differs than this page showed. Look at it, then choose.", "warning")
            return back
        done = self._settle(connection, Way(way), rows)
        if not done:
            return back
        text = drift_words.DONE[Way(way)].format(n=counted(len(done), "difference"), there=links.provider_name())
        if way == Way.TAKE:
            job = settling.request(db.session(), connection, done, current_user.id)
            doorbell.ring("run", job.id, urgent=True)
            say(text, url_for("sync_jobs.details", id=job.id), "See the job")
        else:
            db.session.commit()
            doorbell.ring("push", connection.id, urgent=True)
            flash(text, "success")
        return back

    def _settle(self, connection: Connection, way: Way, rows: Sequence[Drift]) -> list[Drift]:
        """Do it for each that it is open to; says for which it was. Commits nothing."""
        session, mappers = db.session(), drift_lines.mappers_of(connection)
        done: list[Drift] = []
        for row in rows:
            mapper, record = mappers.get(row.kind), links.record_at(row.kind, row.record_id)
            why = barred(record) if record is not None and way in (Way.TAKE, Way.SEND, Way.CREATE) else ""
            try:
                if mapper is None or why:
                    raise ConflictError(why or "This kind is not synchronised any more.")
                with session.begin_nested():
                    settling.settle(session, connection, mapper, row, way, current_user.id)
                done.append(row)
            except ConflictError as error:
                flash(error.message, "warning")
        if not rows:
            flash("It was settled meanwhile.", "info")
        return done


def _shown(connection: Connection, rows: Sequence[Drift]) -> str:
    """What a form says that its page showed: the difference, or the reconciliation that all of a cause are from."""
    if "row" in request.form:
        return rows[0].fingerprint
    run = reconcile.last(db.session(), connection)
    return str(run.id) if run is not None else ""


def _pressed(connection: Connection) -> list[Drift]:
    """The differences that a form is about."""
    mine = select(Drift).where(Drift.connection_id == connection.id, Drift.settled_at.is_(None))
    if key := number(request.form.get("row")):
        return list(db.session.scalars(mine.where(Drift.id == key)))
    chosen = _chosen(request.form.get("kind", ""), request.form.get("cause", ""))
    if chosen is None:
        return []
    one = Drift.kind == chosen[0], Drift.cause == chosen[1], Drift.waits(), Drift.free()
    return list(db.session.scalars(mine.where(*one).order_by(Drift.id).limit(AT_ONCE)))


def _chosen(kind: str, cause: str) -> tuple[str, Cause] | None:
    return (kind, Cause(cause)) if kind in KINDS and cause in set(Cause) else None


def _count(connection: Connection | None, *which: Any) -> int:
    if connection is None:
        return 0
    query = select(func.count()).select_from(Drift).where(Drift.connection_id == connection.id, *which)
    return db.session.scalar(query.where(Drift.because_id.is_(None))) or 0


def _calls(connection: Connection | None) -> int:
    provider = links.provider_of(connection) if connection else None
    return reconcile.estimate(db.session(), connection, provider) if connection and provider else 0
