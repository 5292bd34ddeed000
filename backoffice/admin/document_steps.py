"""The steps of a document: submit, approve, back to draft, void; who may take them, and what stands in the way."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_admin.actions import action
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm.exc import StaleDataError

from backoffice.admin import barred, links, words
from backoffice.admin.addresses import return_to
from backoffice.admin.company_base import Page, here, number
from backoffice.admin.saving import who_changed
from backoffice.extensions import db
from backoffice.models import CompanySettings, Document, PurchaseOrder, Status, dues
from backoffice.models.approval import StepError, authors_of, bar
from backoffice.models.billing import bills_of
from backoffice.wording import counted

DONE_WORDS = {
    Status.AWAITING_APPROVAL: "submitted for approval",
    Status.APPROVED: "approved",
    Status.DRAFT: "put back to draft",
    Status.VOIDED: "voided",
}


def may_approve(document: Document) -> str:
    """Why the person who looks may not approve a document; empty if they may."""
    settings = db.session.scalar(select(CompanySettings).where(CompanySettings.company_id == here().id))
    return bar(settings, current_user.role, current_user.id, authors_of(db.session(), document)) or ""


def missing(document: Any) -> str:
    """What a document still needs before it can be approved; empty if nothing."""
    if document.contact is None:
        return f"{document} names nobody whom it is for. Edit it and choose one."
    if not document.lines:
        return f"{document} has no lines. Edit it and add at least one."
    empty = [str(line.position) for line in document.lines if not (line.description or line.item_code)]
    if empty:
        said = f"Line {empty[0]} has" if len(empty) == 1 else f"Lines {', '.join(empty)} have"
        return f"{said} neither an item nor a description. Edit {document} and fill in one of the two."
    return ""


def stands_against(document: Any) -> str:
    """What has to be undone before a document can be voided; empty if nothing."""
    standing = dues.due(db.session(), document)
    if standing.payments:
        return f"{_named(standing.payments)} {_plural(standing.payments)} against it: void that first, on its own page."
    if standing.allocations:
        said = _named(standing.allocations)
        return f"Credit is allocated ({said}): take that back first, on the page of the credit note."
    if (document.amount_paid or 0) > 0 or (document.amount_credited or 0) > 0:
        there = links.provider_name()
        return f"{there} says that something of it is paid or credited: undo that in {there}, then press Update."
    if isinstance(document, PurchaseOrder):
        live = [bill for bill in bills_of(db.session(), document) if bill.counts]
        if live:
            return f"{_named(live)} {_plural(live, 'was made', 'were made')} of it: void that first."
    return ""


def _named(rows: Any) -> str:
    said = ", ".join(str(row) for row in rows[:3])
    return said + (f" and {len(rows) - 3} more" if len(rows) > 3 else "")


def _plural(rows: Any, one: str = "stands", more: str = "stand") -> str:
    return one if len(rows) == 1 else more


def in_the_way(document: Document, to: Status) -> str:
    """Why a document cannot take a step; empty if it can."""
    if to not in document.steps:
        return f"{document} is {words.STATUS_BADGES[document.status].word.lower()}; this step is not open to it."
    if to is Status.APPROVED:
        return may_approve(document) or missing(document)
    if to is Status.AWAITING_APPROVAL:
        return missing(document)
    if to is not Status.VOIDED:
        return ""
    barred = may_approve(document) if document.status is Status.APPROVED else ""
    return f"{document} is approved. {barred} Only who may approve it voids it." if barred else stands_against(document)


def take(document: Document, to: Status) -> None:
    """Take a step, with what follows from it. Commits nothing."""
    document.status = to
    db.session.flush()


class DocumentSteps(Page):
    """The buttons that bring a document from one state to the next, for one and for several."""

    def steps(self, document: Document) -> list[tuple[Status, str, str]]:
        """The steps that are open to it: (state, what the button says, why it cannot be taken now)."""
        return [(to, words.STEP_WORDS[to], in_the_way(document, to)) for to in document.steps]

    def void_words(self, document: Document) -> str:
        """What becomes of a document that is voided, for the person who is asked."""
        link, there = links.link_of(document), links.provider_name()
        if link is None or link.external_id is None:
            return "It stays here as void."
        why = barred.why_no_end(document, link)
        return f"It is void here only: {why}" if why else f"It stays here as void, and is voided in {there} too."

    def first_step(self, document: Document) -> Status | None:
        """The step of the one filled button: approve where the person may, else submit."""
        for to in (Status.APPROVED, Status.AWAITING_APPROVAL):
            if to in document.steps and not (to is Status.APPROVED and may_approve(document)):
                return to
        return None

    @expose("/step/", methods=("POST",))
    def step_view(self) -> ResponseReturnValue:
        """Take one step with one document."""
        record: Any = self.one()
        asked = request.form.get("to", "")
        if asked not in set(Status):
            abort(404)
        name, to = str(record), Status(asked)
        problem = self._overtaken_by(record) or in_the_way(record, to) or self._taken(record, to)
        if problem:
            flash(problem, "danger")
        else:
            flash(f"{name} was {DONE_WORDS[to]}.", "success")
        return redirect(return_to(self.open_url(record)), code=303)

    def _overtaken_by(self, record: Any) -> str:
        """Why a step that was taken on an older state of the document is not taken."""
        seen = number(request.form.get("revision"))
        if seen is None or seen == record.revision:
            return ""
        return f"{who_changed(record)} changed this meanwhile. Look at it again, then repeat the step."

    def _taken(self, record: Any, to: Status) -> str:
        """Take a step and keep it; or say why that cannot be."""
        name = str(record)
        try:
            take(record, to)
            return self.write(record, name) or ""
        except (StaleDataError, StepError):
            db.session.rollback()
            return f"{name} was changed by somebody else just now. Look at it again, then repeat the step."

    @action("approve", "Approve")
    def action_approve(self, ids: list[int]) -> None:
        self._all(ids, Status.APPROVED)

    @action("submit", "Submit for approval")
    def action_submit(self, ids: list[int]) -> None:
        self._all(ids, Status.AWAITING_APPROVAL)

    @action("void", "Void")
    def action_void(self, ids: list[int]) -> None:
        self._all(ids, Status.VOIDED)

    def _all(self, ids: list[int], to: Status) -> None:
        """Take a step with each of several that can; the others are told with their reasons."""
        taken, problems = 0, []
        for record in self.selected(ids):
            name = str(record)
            problem = in_the_way(record, to) or self._taken(record, to)
            if problem:
                problems.append(problem if name in problem else f"{name}: {problem}")
            else:
                taken += 1
        flash(f"{counted(taken, self.noun)} {DONE_WORDS[to]}.", "success" if taken else "warning")
        for problem in problems[:5]:
            flash(problem, "danger")
        if len(problems) > 5:
            flash(f"{counted(len(problems) - 5, self.noun)} more could not be {DONE_WORDS[to]}.", "danger")
