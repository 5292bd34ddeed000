"""Pages of documents: a person looks at orders, bills and payments "in Xero", edits, approves, pays, voids them."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from backoffice.sandbox.xero import answers, organisations, paper_screens
from backoffice.sandbox.xero.fields import InvalidError
from backoffice.sandbox.xero.office import MissingError, Office, messages
from backoffice.sandbox.xero.organisations import Organisation
from backoffice.sandbox.xero.paper_screens import PAPER_SCREENS, PaperScreen
from backoffice.sandbox.xero.shelf import Row
from backoffice.sandbox.xero.world import current

PAGE = 50
LIST = "/organisation/<key>/documents/<slug>"
PAPER = f"{LIST}/<row_id>"

routes = Blueprint("papers", __name__)
routes.add_app_template_filter(paper_screens.day_text, "day")


@routes.app_context_processor
def frame() -> dict[str, Any]:
    return {"paper_screens": PAPER_SCREENS.values()}


@routes.errorhandler(MissingError)
def missing(error: MissingError) -> ResponseReturnValue:
    return render_template("missing.html"), 404


@routes.get(LIST)
def rows(key: str, slug: str) -> str:
    found, screen = _organisation(key), _screen(slug)
    shelf, wanted = _office(found, screen).shelf, screen.selection()
    if term := request.args.get("q", "").strip():
        wanted.add("instr(search, ?) > 0", term.casefold())
    page = max(1, request.args.get("page", 1, int))
    shown, count = shelf.rows(wanted, PAGE, (page - 1) * PAGE), shelf.count(wanted)
    return render_template(
        "papers.html", organisation=found, screen=screen, rows=shown, count=count, page=page, pages=-(-count // PAGE)
    )


@routes.get(PAPER)
def row(key: str, slug: str, row_id: str) -> str:
    found, screen = _organisation(key), _screen(slug)
    return _page(found, screen, _office(found, screen).row(row_id))


@routes.get("/app/<key>/<any(invoicing, bills, 'purchase-orders', 'credit-notes'):place>/view/<row_id>")
def real_address(key: str, place: str, row_id: str) -> ResponseReturnValue:
    """The address of a document in the real Xero, for links that differ in the host alone."""
    found, screen = _organisation(key), PAPER_SCREENS["invoices" if place == "invoicing" else place]
    body = _office(found, screen).row(row_id).body
    owner = next(one for one in PAPER_SCREENS.values() if one.kind == screen.kind and one.has(body))
    return redirect(url_for("papers.row", key=found.short_code, slug=owner.slug, row_id=row_id))


@routes.post(PAPER)
def save(key: str, slug: str, row_id: str) -> ResponseReturnValue:
    found, screen = _organisation(key), _screen(slug)
    office = _office(found, screen)
    changes = paper_screens.changes_of(request.form, office.row(row_id).body)
    return _try(found, screen, row_id, "Saved.", lambda: office.edit(row_id, changes))


@routes.post(f"{PAPER}/<any(submit, approve, bill, void, delete):action>")
def act(key: str, slug: str, row_id: str, action: str) -> ResponseReturnValue:
    found, screen = _organisation(key), _screen(slug)
    office = _office(found, screen)
    pays = screen.kind in ("payments", "batchpayments")
    done = paper_screens.DONE[action]
    return _try(found, screen, row_id, done, lambda: office.delete(row_id) if pays else office.act(row_id, action))


@routes.post(f"{PAPER}/pay")
def pay(key: str, slug: str, row_id: str) -> ResponseReturnValue:
    found, screen = _organisation(key), _screen(slug)
    office = _office(found, screen)
    given = {name: request.form[name].strip() for name in ("Amount", "Date", "Reference") if request.form.get(name)}
    return _try(found, screen, row_id, "Paid.", lambda: office.pay(row_id, given))


@routes.post(f"{PAPER}/unpay")
def unpay(key: str, slug: str, row_id: str) -> ResponseReturnValue:
    """Delete one of a document's payments."""
    found, screen = _organisation(key), _screen(slug)
    payments = Office(current(), found, "payments")
    return _try(found, screen, row_id, "Payment deleted.", lambda: payments.delete(request.form["payment"]))


@routes.post(f"{PAPER}/allocate")
def allocate(key: str, slug: str, row_id: str) -> ResponseReturnValue:
    found, screen = _organisation(key), _screen(slug)
    office = _office(found, screen)
    given = {name: request.form[name].strip() for name in ("Invoice", "Amount") if request.form.get(name)}
    return _try(found, screen, row_id, "Allocated.", lambda: office.allocate(row_id, given))


@routes.post(f"{PAPER}/deallocate")
def deallocate(key: str, slug: str, row_id: str) -> ResponseReturnValue:
    found, screen = _organisation(key), _screen(slug)
    office = _office(found, screen)
    return _try(
        found, screen, row_id, "Allocation removed.", lambda: office.deallocate(row_id, request.form["allocation"])
    )


def _try(found: Organisation, screen: PaperScreen, row_id: str, done: str, do: Any) -> ResponseReturnValue:
    """Do it and go back to the page, or show the page with what Xero says against it."""
    try:
        do()
    except InvalidError as error:
        return _page(found, screen, _office(found, screen).row(row_id), error.messages), 400
    except answers.RefusalError as error:
        return _page(found, screen, _office(found, screen).row(row_id), messages(error)), 400
    flash(done)
    return redirect(url_for("papers.row", key=found.short_code, slug=screen.slug, row_id=row_id))


def _page(found: Organisation, screen: PaperScreen, row: Row, problems: list[str] | None = None) -> str:
    body = row.body
    if not screen.has(body):
        raise MissingError(row.id)
    return render_template(
        "paper.html",
        organisation=found,
        screen=screen,
        row=row,
        body=body,
        problems=problems or [],
        typed=request.form if problems else {},
        steps=paper_screens.steps_of(screen, body),
        lines_open=paper_screens.can_edit_lines(screen, body),
        dates_open=paper_screens.can_edit_dates(screen, body),
        to_pay=paper_screens.left_to_pay(screen, body),
        open_invoices=_open_invoices(found, row) if body.get("RemainingCredit") else [],
    )


def _open_invoices(found: Organisation, credit: Row) -> list[Row]:
    """What a credit could be used on."""
    shelf = current().shelf(found.id, "Invoices")
    return [row for row in shelf.all_by_name(credit.name) if row.status == "AUTHORISED" and row.body["AmountDue"]]


def _office(found: Organisation, screen: PaperScreen) -> Office:
    return Office(current(), found, screen.kind)


def _organisation(key: str) -> Organisation:
    found = organisations.find(current().store, key)
    if found is None:
        raise MissingError(key)
    return found


def _screen(slug: str) -> PaperScreen:
    if slug not in PAPER_SCREENS:
        abort(404)
    return PAPER_SCREENS[slug]
