"""History: every change of every record of the company, searched; and one value brought back."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy import Select, exists, func, or_, select

from backoffice.admin import links, words
from backoffice.admin.addresses import return_to
from backoffice.admin.alerts import known_ids
from backoffice.admin.company_base import Page, here, not_found, number
from backoffice.admin.doors import doors_here
from backoffice.admin.history import entries, shown_values
from backoffice.admin.history_search import BY_JOBS, OTHER_KINDS, Asked, search
from backoffice.database import folded
from backoffice.extensions import db
from backoffice.models import KINDS, RECORDS, Document, History, SyncJob, User
from backoffice.models.reach import admitted
from backoffice.past.bring_back import Offer, bring_back, offer

#: Chosen from, not searched: people and jobs.
MOST_PEOPLE, MOST_JOBS = 200, 30
#: What happens to a record, besides being changed.
ACTIONS = (
    "created", "changed", "linked", "unlinked", "settled", "overruled there", "archived there", "paused", "resumed",
    "skipped", "e-mailed", "perhaps e-mailed", "deleted",
)  # fmt: skip


class HistoryView(Page):
    """What was changed, by whom or by which job."""

    def __init__(self) -> None:
        super().__init__("History", "Sync", endpoint="history", url="history")

    @expose("/")
    def index(self) -> ResponseReturnValue:
        asked = Asked.of(request.args)
        found = search(asked, number(request.args.get("before")))
        return self.render(
            "history/index.html",
            asked=asked,
            found=found,
            entries=entries(found.rows),
            chips=_chips(asked),
            odd_days=[
                text for name in ("since", "until") if (text := request.args.get(name)) and name not in asked.said()
            ],
            choices=_choices(),
            first="before" not in request.args,
        )

    @expose("/bring-back/", methods=("GET", "POST"))
    def bring_back(self) -> ResponseReturnValue:
        """Bring one value back; asks first where it was changed again since, or money may go to a wrong account."""
        row, doors = self._row(), doors_here()
        writes = request.method == "POST"
        record = doors.lock(row.kind, row.record_id) if writes else links.record_at(row.kind, row.record_id)
        found = offer(doors, record, row)
        agreed = request.form.get("seen", "" if found.overtaken else found.seen) == found.seen
        knows = request.form.get("alerts_known", "") == known_ids(found.alerts)
        if writes and agreed and knows and not found.why_not:
            return self._done(found, row)
        if writes:
            db.session.rollback()
            return redirect(self._asking(row), code=303)
        back = return_to(url_for("history.index"))
        entry, (now,) = entries([row])[0], shown_values(row.kind, found.change.field, found.now)
        return self.render("history/bring_back.html", found=found, entry=entry, row=row, now=now, back_to=back)

    def _done(self, found: Offer, row: History) -> ResponseReturnValue:
        name, asking, back = str(found.record), self._asking(row), return_to(url_for("history.index"))
        if found.already:
            db.session.rollback()
            flash("That is what stands there already.", "info")
            return redirect(back, code=303)
        problem = bring_back(doors_here(), found)
        flash(problem or f"{name} has it again, as an edit of yours.", "danger" if problem else "success")
        return redirect(asking if problem else back, code=303)

    def _asking(self, row: History) -> str:
        return url_for("history.bring_back", id=row.id, url=return_to(url_for("history.index")))

    def _row(self) -> History:
        key = number(request.values.get("id"))
        row = db.session.get(History, key) if key else None
        if row is None or row.company_id != here().id or not row.field or row.kind not in KINDS:
            not_found("change")
        return row


def _chips(asked: Asked) -> list[tuple[str, str]]:
    """What was asked for, each with the address without it."""
    told = {
        "person": "by {}", "job": "by the job {}", "kind": "{}", "record": "of “{}”", "field": "field {}",
        "text": "with “{}”", "action": "{}", "since": "from {}", "until": "until {}",
    }  # fmt: skip
    said = asked.said()
    return [(told[name].format(_said(name, text)), _address(asked.without(name))) for name, text in said.items()]


def _address(said: dict[str, Any]) -> str:
    return url_for("history.index", **said)


def _said(name: str, text: str) -> str:
    if name == "person":
        if text == BY_JOBS:
            return "sync jobs"
        person = db.session.execute(_people().where(User.id == int(text))).first()
        return person.name if person else "somebody who is not here"
    if name == "job":
        job = db.session.get(SyncJob, int(text))
        return f"{job.title}, {words.relative(job.created_at)}" if job and job.company_id == here().id else "of before"
    said: dict[str, str] = {"kind": kind_words().get(text, text), "field": field_words().get(text, text)}
    return said.get(name, text)


def kind_words() -> dict[str, str]:
    """What each kind is called that has a history."""
    return {**{kind: words.kind_label(kind).capitalize() for kind in KINDS}, **OTHER_KINDS}


def field_words() -> dict[str, str]:
    """What the fields of records and lines are called, by column; the first kind that has it says how."""
    found: dict[str, str] = {}
    for model in RECORDS:
        for column in model.business_columns():
            found.setdefault(column, model.column_label(column))
        if issubclass(model, Document):
            for column in model.line.content:
                found.setdefault(column, model.line.column_label(column))
    return dict(sorted(found.items(), key=lambda pair: folded(pair[1])))


def _people() -> Select[int, str]:
    """The id and name of everybody to whom the company is open, or who changed something of it."""
    wrote = exists().where(History.company_id == here().id, History.user_id == User.id)
    return select(User.id, User.name).where(or_(admitted(here().id), wrote))


def _choices() -> dict[str, list[tuple[str, str]]]:
    """What can be chosen, by the name in the address: (value, words)."""
    people = db.session.execute(_people().order_by(func.lower(User.name)).limit(MOST_PEOPLE)).all()
    jobs = select(SyncJob).where(SyncJob.company_id == here().id).order_by(SyncJob.id.desc()).limit(MOST_JOBS)
    mine = [(str(key), name) for key, name in people]
    return {
        "person": [*mine, (BY_JOBS, "Sync jobs")],
        "job": [(str(job.id), f"{job.title}, {words.relative(job.created_at)}") for job in db.session.scalars(jobs)],
        "kind": list(kind_words().items()),
        "field": list(field_words().items()),
        "action": [(action, words.ACTION_WORDS.get(action, action.capitalize())) for action in ACTIONS],
    }
