"""CSV in: bring a file, say what its columns are, look at what would happen, and import the good rows."""

from __future__ import annotations

import csv
import io
from contextlib import closing
from typing import Any

from flask import Response, current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_login import current_user
from sqlalchemy import select

from backoffice.admin.company_base import Page, here, not_found, number
from backoffice.admin.export import cell
from backoffice.admin.import_words import told
from backoffice.admin.messages import say, show_problem
from backoffice.config import Settings
from backoffice.database import read_only
from backoffice.errors import LeaseLostError
from backoffice.extensions import db
from backoffice.imports import files
from backoffice.imports.plan import Options, Plan, Verdict
from backoffice.imports.reader import LARGEST_FILE, Sheet, UnreadableFileError, read
from backoffice.imports.sorts import SORTS
from backoffice.imports.write import plan, write
from backoffice.models import CompanySettings, CsvImport, Role, Treatment
from backoffice.models.approval import Bar, bar

RECENT = 30
#: So many rows of each verdict are shown.
SHOWN = 200
CHOICES = ("create_parties", "change_known", "approved")
BARRED = {
    Bar.ROLE: "Only administrators approve here; the documents come in as drafts.",
    Bar.AUTHOR: "Nobody approves their own documents here; they come in as drafts.",
}


class ImportsView(Page):
    """Files that people bring."""

    read_role = Role.OPERATOR

    def __init__(self) -> None:
        super().__init__("CSV imports", "Lists", endpoint="imports", url="imports")

    @expose("/", methods=("GET", "POST"))
    def index(self) -> ResponseReturnValue:
        if request.method == "POST":
            return self._brought()
        query = select(CsvImport).where(CsvImport.company_id == here().id).order_by(CsvImport.id.desc()).limit(RECENT)
        chosen = request.args.get("sort", "")
        return self.render(
            "imports/index.html", sorts=SORTS, chosen=chosen, rows=db.session.scalars(query).all(), told=told
        )

    def _brought(self) -> ResponseReturnValue:
        sort, file = SORTS.get(request.form.get("sort", "")), request.files.get("file")
        if sort is None or file is None or not file.filename:
            flash("Say what the file brings, and choose a file.", "warning")
            return redirect(url_for("imports.index", sort=sort.key if sort else None), code=303)
        with closing(file):
            content = file.stream.read(LARGEST_FILE + 1)
        try:
            sheet = read(content)
        except UnreadableFileError as error:
            name = file.filename.replace("\0", "")[:80]
            show_problem(f"{name} was not taken.", error.message)
            return redirect(url_for("imports.index", sort=sort.key), code=303)
        earlier = files.taken(db.session(), here().id, sort, files.digest_of(content))
        row = earlier or files.keep(db.session(), here().id, sort, file.filename, content, sheet, current_user.id)
        db.session.commit()
        return redirect(url_for("imports.file", id=row.id, again=1 if earlier else None), code=303)

    # One file.

    @expose("/file/")
    def file(self) -> ResponseReturnValue:
        row = self._row()
        sheet = self._sheet(row)
        found = self._plan(row, sheet) if sheet else None
        return self.render(
            "imports/file.html",
            row=row,
            sort=SORTS[row.sort],
            sheet=sheet,
            options=self._options(row),
            plan=found,
            shown=_shown(found) if found else [],
            told=told,
            again="again" in request.args,
            why_not_approved=why_not_approved(),
            treatments=list(Treatment),
            Verdict=Verdict,
        )

    @expose("/columns/", methods=("POST",))
    def columns(self) -> ResponseReturnValue:
        """Keep what the columns are and what was chosen."""
        row = self._row()
        if row.started_at is None:
            sort = SORTS[row.sort]
            asked = {target.key: request.form.get(f"column-{target.key}", "") for target in sort.targets}
            row.columns = {key: int(at) for key, at in asked.items() if at in set(map(str, range(len(row.headers))))}
            row.options = {
                "day_first": request.form.get("day_first") != "no",
                "decimal_comma": request.form.get("decimal_comma") == "yes",
                "treatment": chosen if (chosen := request.form.get("treatment")) in set(Treatment) else None,
                **{key: bool(request.form.get(key)) for key in CHOICES},
            }
            db.session.commit()
        return redirect(url_for("imports.file", id=row.id, _anchor="preview"), code=303)

    @expose("/run/", methods=("POST",))
    def run(self) -> ResponseReturnValue:
        """Write the good rows; with `which=all`, only if none is bad."""
        row, company_id = self._row(), here().id
        earlier = files.taken(db.session(), company_id, SORTS[row.sort], row.digest)
        sheet = self._sheet(row)
        if sheet is None or (earlier and not earlier.stalled):
            return redirect(url_for("imports.file", id=earlier.id if earlier else row.id, again=1), code=303)
        key, found = row.id, self._plan(row, sheet)
        if found.obstacle or not found.good or (request.form.get("which") == "all" and found.counts["bad"]):
            flash("Nothing was imported: look at what the preview says.", "warning")
            return redirect(url_for("imports.file", id=key, _anchor="preview"), code=303)
        settings: Settings = current_app.extensions["settings"]
        lease = files.claim(db.session(), row, current_user.id, settings.lease_seconds)
        if lease is None:
            return redirect(url_for("imports.file", id=key, again=1), code=303)
        try:
            counts = write(db.session(), found, company_id, lease)
            lease.end(db.session(), counts=counts)
        except LeaseLostError:
            flash("Somebody else went on with this file, since it came no further for a while.", "warning")
            return redirect(url_for("imports.file", id=key), code=303)
        seen = url_for(f"{LIST_OF_SORT[found.sort.key]}.index_view")
        say(told(found.sort, counts), seen, f"See the {found.sort.plural}", "success")
        return redirect(url_for("imports.file", id=key), code=303)

    @expose("/discard/", methods=("POST",))
    def discard(self) -> ResponseReturnValue:
        """Throw away a file that nothing was imported of."""
        row = self._row()
        if row.started_at is None:
            db.session.delete(row)
            db.session.commit()
            flash("The file was thrown away.", "success")
        return redirect(url_for("imports.index"), code=303)

    @expose("/bad/")
    def bad(self) -> ResponseReturnValue:
        """The bad rows as a file of their own, each with its reason, to be mended and brought again."""
        row = self._row()
        sheet = self._sheet(row) or not_found("file any more")
        lines = io.StringIO()
        writer = csv.writer(lines)
        writer.writerow([*map(cell, sheet.headers), "What is wrong"])
        for entry in self._plan(row, sheet).entries:
            if entry.verdict is Verdict.BAD:
                why = " ".join(map(str, entry.problems))
                writer.writerows([*map(cell, line.cells), cell(why)] for line in entry.rows)
        name = f"{row.sort}-bad-rows.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(lines.getvalue(), mimetype="text/csv", headers=headers)

    def _row(self) -> CsvImport:
        key = number(request.values.get("id"))
        found = db.session.get(CsvImport, key) if key else None
        if found is None or found.company_id != here().id or found.sort not in SORTS:
            not_found("import")
        return found

    def _sheet(self, row: CsvImport) -> Sheet | None:
        """The table of a file, as long as it is kept."""
        return read(row.content) if row.content is not None else None

    def _options(self, row: CsvImport) -> Options:
        return Options.of({**row.options, "approved": row.options.get("approved") and not why_not_approved()})

    def _plan(self, row: CsvImport, sheet: Sheet) -> Plan:
        # Looking takes its time on a large file; nobody else's writing waits for it.
        sort, columns, options, company_id = SORTS[row.sort], dict(row.columns), self._options(row), here().id
        writing = request.method == "POST"
        db.session.rollback()
        read_only(True)
        try:
            return plan(db.session(), company_id, sort, sheet, columns, options)
        finally:
            if writing:
                db.session.rollback()
                read_only(False)


def why_not_approved() -> str:
    """Why the person who imports cannot bring documents in approved; empty if they can."""
    settings = db.session.scalar(select(CompanySettings).where(CompanySettings.company_id == here().id))
    barred = bar(settings, current_user.role, current_user.id, {current_user.id})
    return BARRED[barred] if barred else ""


def _shown(found: Plan) -> list[tuple[Verdict, list[Any], int]]:
    """What the preview lists: the bad first, and how many more there are of each."""
    order = (Verdict.BAD, Verdict.ADD, Verdict.CHANGE, Verdict.HERE)
    parts = [(verdict, [entry for entry in found.entries if entry.verdict is verdict]) for verdict in order]
    return [(verdict, entries[:SHOWN], max(len(entries) - SHOWN, 0)) for verdict, entries in parts if entries]


def import_url(view: Any) -> str | None:
    """Where a file for a list is brought, if the list takes one and the person may."""
    sort = SORT_OF_LIST.get(getattr(view, "path", ""))
    return url_for("imports.index", sort=sort) if sort and view.may_write else None


#: What a list's files bring, by the list's path.
SORT_OF_LIST: dict[str, str] = {sort.plural.replace(" ", "_"): key for key, sort in SORTS.items()}
LIST_OF_SORT: dict[str, str] = {key: path for path, key in SORT_OF_LIST.items()}
