"""The sandbox's own pages, where a person changes data "in Xero" without signing in, and disconnects apps."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from backoffice.sandbox.xero import answers, connections, organisations
from backoffice.sandbox.xero.fields import InvalidError
from backoffice.sandbox.xero.office import MissingError, Office, messages
from backoffice.sandbox.xero.organisations import Organisation
from backoffice.sandbox.xero.paper_screens import PAPER_SCREENS
from backoffice.sandbox.xero.screens import SCREENS, Screen, fields_of, value_at
from backoffice.sandbox.xero.shelf import Row, Selection
from backoffice.sandbox.xero.world import current

PAGE = 50
LIST = "/organisation/<key>/<slug>"
FORM = f"{LIST}/<row_id>"

routes = Blueprint("pages", __name__)
routes.add_app_template_filter(value_at, "at")


@routes.app_context_processor
def frame() -> dict[str, Any]:
    """What every page shows around its own."""
    return {"every_organisation": organisations.every(current().store), "screens": SCREENS.values()}


@routes.errorhandler(MissingError)
def missing(error: MissingError) -> ResponseReturnValue:
    return render_template("missing.html"), 404


@routes.get("/")
def home() -> str:
    world = current()
    counts = {
        one.id: {
            **{screen.slug: Office(world, one, screen.kind).shelf.count() for screen in SCREENS.values()},
            **{
                screen.slug: Office(world, one, screen.kind).shelf.count(screen.selection())
                for screen in PAPER_SCREENS.values()
            },
        }
        for one in organisations.every(world.store)
    }
    return render_template("home.html", counts=counts, apps=connections.every(world))


@routes.get("/organisation/<key>")
def organisation(key: str) -> ResponseReturnValue:
    return redirect(url_for("pages.rows", key=_organisation(key).short_code, slug="contacts"))


@routes.get(LIST)
def rows(key: str, slug: str) -> str:
    found, screen = _organisation(key), _screen(slug)
    shelf = Office(current(), found, screen.kind).shelf
    wanted, page = _wanted(screen), max(1, request.args.get("page", 1, int))
    shown, count = shelf.rows(wanted, PAGE, (page - 1) * PAGE), shelf.count(wanted)
    return render_template(
        "rows.html", organisation=found, screen=screen, rows=shown, count=count, page=page, pages=-(-count // PAGE)
    )


@routes.get(f"{LIST}/new")
def blank(key: str, slug: str) -> str:
    return _form(_organisation(key), _screen(slug), None)


@routes.post(f"{LIST}/new")
def add(key: str, slug: str) -> ResponseReturnValue:
    found, screen = _organisation(key), _screen(slug)
    fields = fields_of(screen, request.form)
    try:
        Office(current(), found, screen.kind).add(fields)
    except (InvalidError, answers.RefusalError) as error:
        return _form(found, screen, None, _words(error)), 400
    flash(f"Added {fields.get('Name') or fields.get('Code')}.")
    return redirect(url_for("pages.rows", key=found.short_code, slug=slug))


@routes.get(FORM)
def row(key: str, slug: str, row_id: str) -> str:
    found, screen = _organisation(key), _screen(slug)
    return _form(found, screen, Office(current(), found, screen.kind).row(row_id))


@routes.get("/app/<key>/contacts/contact/<row_id>")
def contact(key: str, row_id: str) -> str:
    """The address of a contact in the real Xero, for links that differ in the host alone."""
    return row(key, "contacts", row_id)


@routes.post(FORM)
def save(key: str, slug: str, row_id: str) -> ResponseReturnValue:
    found, screen = _organisation(key), _screen(slug)
    office = Office(current(), found, screen.kind)
    try:
        office.edit(row_id, fields_of(screen, request.form))
    except (InvalidError, answers.RefusalError) as error:
        return _form(found, screen, office.row(row_id), _words(error)), 400
    flash("Saved.")
    return redirect(url_for("pages.row", key=found.short_code, slug=slug, row_id=row_id))


@routes.post(f"{FORM}/<any(archive, restore, delete):action>")
def act(key: str, slug: str, row_id: str, action: str) -> ResponseReturnValue:
    found, screen = _organisation(key), _screen(slug)
    office = Office(current(), found, screen.kind)
    try:
        getattr(office, action)(row_id)
    except (InvalidError, answers.RefusalError) as error:
        return _form(found, screen, office.row(row_id), _words(error)), 400
    flash({"archive": "Archived.", "restore": "Restored.", "delete": "Deleted."}[action])
    if action == "delete":
        return redirect(url_for("pages.rows", key=found.short_code, slug=slug))
    return redirect(url_for("pages.row", key=found.short_code, slug=slug, row_id=row_id))


@routes.post(f"{FORM}/options")
def option(key: str, slug: str, row_id: str) -> ResponseReturnValue:
    """Add, rename, archive, restore or delete an option of a tracking category."""
    found, screen = _organisation(key), _screen(slug)
    office = Office(current(), found, screen.kind)
    changes = {
        "save": {"Name": request.form.get("Name", "")},
        "archive": {"Status": "ARCHIVED"},
        "restore": {"Status": "ACTIVE"},
    }
    try:
        office.option(row_id, request.form.get("option") or None, changes.get(request.form.get("action", "")))
    except answers.RefusalError as error:
        return _form(found, screen, office.row(row_id), _words(error)), 400
    flash("Saved.")
    return redirect(url_for("pages.row", key=found.short_code, slug=slug, row_id=row_id))


@routes.get("/connected-apps")
def connected_apps() -> str:
    settings = current().settings
    return render_template(
        "connected_apps.html",
        apps=connections.every(current()),
        clients={client.id: client.name for client in settings.clients},
        people={person.id: person.name for person in settings.people},
    )


@routes.post("/connected-apps/<connection_id>/disconnect")
def disconnect(connection_id: str) -> ResponseReturnValue:
    connections.remove(current(), connection_id)
    flash("Disconnected. The app was told nothing: it will notice at its next call.")
    return redirect(url_for("pages.connected_apps"))


def _organisation(key: str) -> Organisation:
    found = organisations.find(current().store, key)
    if found is None:
        raise MissingError(key)
    return found


def _screen(slug: str) -> Screen:
    if slug not in SCREENS:
        abort(404)
    return SCREENS[slug]


def _wanted(screen: Screen) -> Selection:
    wanted = Selection(order="name, id")
    if term := request.args.get("q", "").strip():
        wanted.add("instr(search, ?) > 0", term.casefold())
    if screen.archives and "archived" not in request.args:
        wanted.add("status = 'ACTIVE'")
    return wanted


def _form(found: Organisation, screen: Screen, row: Row | None, problems: list[str] | None = None) -> str:
    """The form, with what was typed if it was refused."""
    return render_template(
        "form.html",
        organisation=found,
        screen=screen,
        row=row,
        problems=problems or [],
        typed=request.form if problems and "option" not in request.form else None,
    )


def _words(error: InvalidError | answers.RefusalError) -> list[str]:
    return error.messages if isinstance(error, InvalidError) else messages(error)
