"""Previews: what an Update or a push would do, list by list and field by field, and the buttons that do it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_login import current_user
from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import selectinload

from backoffice.admin import links, standing
from backoffice.admin.company_base import Page, here, not_found, number, page_number
from backoffice.admin.history import TRUTHS, VALUES
from backoffice.admin.messages import say
from backoffice.admin.words import Badge
from backoffice.extensions import db
from backoffice.models import KINDS, Connection, Document, Foreseen, Preview, PreviewRow, SyncJob
from backoffice.models.line_changes import of_line
from backoffice.queue import doorbell
from backoffice.sync.previews import apply, preview

#: Rows of each list on the page of all lists, and on a page of one list.
FIRST_ROWS = 20
PER_PAGE = 100

BADGES = {
    Foreseen.NEW: Badge("+", "New", "green"),
    Foreseen.CHANGED: Badge("↑", "Changed", "blue"),
    Foreseen.ARCHIVED: Badge("▢", "Archived", "grey"),
    Foreseen.LINKED: Badge("✓", "Linked", "green"),
    Foreseen.OVERRULED: Badge("⇄", "Ours stays", "amber"),
    Foreseen.WAITS: Badge("◔", "Waits", "amber"),
    Foreseen.REFUSED: Badge("✕", "Would be refused", "red"),
}


@dataclass
class Listing:
    """What a preview says of one list: how many of each, and some rows."""

    outgoing: bool
    kind: str
    counts: dict[Foreseen, int] = field(default_factory=dict)
    rows: Sequence[PreviewRow] = ()
    #: Whether any of it can still be applied.
    offered: bool = False

    @property
    def key(self) -> str:
        """The list as the address and the form name it."""
        return f"{'out' if self.outgoing else 'in'}-{self.kind}"

    @property
    def total(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True)
class Change:
    """One field of a row, in words."""

    label: str
    before: str | None
    after: str | None


class PreviewsView(Page):
    """The previews of one company."""

    in_menu = False

    def __init__(self) -> None:
        super().__init__("Previews", "Sync", endpoint="previews", url="previews")

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """One preview; the newest where none is named."""
        one = self._one()
        if one is None:
            return self.render("previews/empty.html", fresh=standing.freshness(), kinds=kinds_here())
        listings = found_out(one)
        chosen = next((each for each in listings if each.key == request.args.get("list")), None)
        page = page_number()
        shown = [chosen] if chosen else listings
        size, start = (PER_PAGE, page * PER_PAGE) if chosen else (FIRST_ROWS, 0)
        for each in shown:
            each.rows = _rows(one, each, start, size)
        return self.render(
            "previews/preview.html",
            preview=one,
            job=one.job,
            listings=shown,
            only=chosen,
            page=page,
            more=chosen is not None and chosen.total > start + size,
            badges=BADGES,
            changes=changes,
            records=links.records_at((row.kind, row.record_id) for each in shown for row in each.rows),
            all_done=not any(each.offered for each in listings),
            can_apply=self.may_write and usable(one) and any(each.offered for each in shown),
            fresh=standing.freshness(),
        )

    @expose("/take/", methods=("POST",))
    def take(self) -> ResponseReturnValue:
        """Ask for a preview of the ticked kinds."""
        connection = links.connection_here()
        push_only = request.form.get("push") == "1"
        kinds = [kind for kind in kinds_here() if push_only or kind in request.form.getlist("kind")]
        if connection is None or not connection.usable:
            flash("Link this company to its accounting system first.", "warning")
            return redirect(url_for("integrations.index"), code=303)
        if not kinds:
            flash("Tick at least one kind of record.", "warning")
            return redirect(url_for("previews.index"), code=303)
        job = preview.ask(db.session(), connection, kinds, push_only=push_only, user_id=current_user.id)
        job_id = job.id
        doorbell.ring("run", job_id, urgent=True)
        return redirect(url_for("previews.index", job=job_id), code=303)

    @expose("/apply/", methods=("POST",))
    def apply_rows(self) -> ResponseReturnValue:
        """Do all of a preview, or the rows and lists that are ticked."""
        one = self._one() or abort(404)
        back = redirect(url_for("previews.index", job=one.sync_job_id), code=303)
        if not usable(one):
            flash("This preview is not offered any more. Take a new one.", "warning")
            return back
        if one.connection.push_confirmed_at is None and _sends(one):
            text = "Nothing was applied: nothing is sent before you have said, under Matches, that what waits may go."
            say(text, url_for("matches.index"), "Matches", "warning")
            return back
        if request.form.get("what") == "all":
            job: SyncJob | None = apply.apply_all(db.session(), one, current_user.id)
        else:
            job = apply.apply_chosen(db.session(), one, ticked(), current_user.id)
        if job is None:
            flash("Tick at least one row that is still offered.", "warning")
            return back
        job_id = job.id
        doorbell.ring("run", job_id, urgent=True)
        say("It is being done.", url_for("sync_jobs.details", id=job_id), "See the job")
        return back

    def _one(self) -> Preview | None:
        mine = select(Preview).where(Preview.company_id == here().id)
        if "job" not in request.values:
            connection = links.connection_here()
            of_this_book = mine if connection is None else mine.where(Preview.connection_id == connection.id)
            return db.session.scalar(of_this_book.order_by(Preview.id.desc()).limit(1))
        job_id = number(request.values["job"])
        found = db.session.scalar(mine.where(Preview.sync_job_id == job_id)) if job_id else None
        return found or not_found("preview")


def kinds_here() -> list[str]:
    """The kinds that the accounting system of this company has."""
    provider = links.provider_here()
    return [mapper.kind for mapper in provider.mappers] if provider else []


def usable(one: Preview) -> bool:
    """Whether its rows can be applied to the organisation that the company is linked to now."""
    connection: Connection | None = links.connection_here()
    return one.offered and connection is not None and connection.usable and connection.id == one.connection_id


def found_out(one: Preview) -> list[Listing]:
    """The lists of a preview with their counts: what comes in first, in the order of the accounting system."""
    columns = PreviewRow.outgoing, PreviewRow.kind, PreviewRow.action
    query = select(*columns, func.count()).where(PreviewRow.preview_id == one.id).group_by(*columns)
    found: dict[tuple[bool, str], Listing] = {}
    for outgoing, kind, action, count in db.session.execute(query):
        found.setdefault((outgoing, kind), Listing(outgoing, kind)).counts[action] = count
    offered = select(*columns[:2]).where(PreviewRow.preview_id == one.id, PreviewRow.open.is_(True)).distinct()
    for outgoing, kind in db.session.execute(offered):
        found[outgoing, kind].offered = True
    for each in found.values():
        each.counts = {action: each.counts[action] for action in Foreseen if action in each.counts}
    order = list(KINDS)
    return [found[key] for key in sorted(found, key=lambda key: (key[0], order.index(key[1])))]


def _rows(one: Preview, listing: Listing, start: int, size: int) -> Sequence[PreviewRow]:
    query = (
        select(PreviewRow)
        .where(PreviewRow.preview_id == one.id)
        .where(PreviewRow.outgoing.is_(listing.outgoing), PreviewRow.kind == listing.kind)
        .order_by(PreviewRow.action, PreviewRow.id)
        .options(selectinload(PreviewRow.applied_by))
    )
    return db.session.scalars(query.offset(start).limit(size)).all()


def ticked() -> ColumnElement[bool]:
    """The rows that are ticked, by themselves or with their list, as a condition."""
    rows = {found for text in request.form.getlist("row") if (found := number(text))}
    lists = {(side, kind) for side, _, kind in (text.partition("-") for text in request.form.getlist("list"))}
    whole = (
        (PreviewRow.kind == kind) & PreviewRow.outgoing.is_(side == "out") for side, kind in lists if kind in KINDS
    )
    return or_(PreviewRow.id.in_(rows), *whole)


def _sends(one: Preview) -> bool:
    """Whether what is to be applied of it is sent, as it stands."""
    if request.form.get("what") == "all":
        return one.push_only
    outgoing = select(PreviewRow.id).where(ticked(), PreviewRow.preview_id == one.id)
    return db.session.scalar(outgoing.where(PreviewRow.outgoing).limit(1)) is not None


def changes(row: PreviewRow) -> list[Change]:
    """The fields of a row in words."""
    return [Change(_label(row.kind, each["column"]), *_said(row.kind, each)) for each in row.differences]


def _label(kind: str, column: str) -> str:
    model: Any = KINDS[kind]
    line = of_line(column)
    if line is None:
        return str(model.column_label(column))
    said = model.line.column_label(line[1]) if line[1] and issubclass(model, Document) else None
    return f"Line {line[0]}: {said}" if said else f"Line {line[0]}"


def _said(kind: str, difference: dict[str, Any]) -> tuple[str | None, str | None]:
    words = VALUES.get((kind, difference["column"]), TRUTHS)
    before, after = difference["from"], difference["to"]
    return words.get(before, before), words.get(after, after)
