"""Xero's pages on the way to a connection: sign in, choose an organisation, allow or cancel."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Response, g, make_response, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from backoffice.sandbox.xero import connections, oauth, organisations, scopes
from backoffice.sandbox.xero.settings import Person
from backoffice.sandbox.xero.world import World, current

AUTHORIZE = "/identity/connect/authorize"


class MisconfiguredError(Exception):
    """The app asked in a way that Xero answers on a page of its own, never by a redirect."""

    def __init__(self, reason: str, description: str) -> None:
        super().__init__(reason, description)
        self.reason = reason
        self.description = description


routes = Blueprint("consent", __name__)


@routes.errorhandler(MisconfiguredError)
def misconfigured(error: MisconfiguredError) -> tuple[str, int]:
    return render_template("consent_error.html", reason=error.reason, description=error.description), 400


@routes.get(AUTHORIZE)
def authorize() -> AnyResponse:
    world = current()
    asked = _asked(world)
    person = _signed_in(world)
    if person is None:
        return redirect(url_for("consent.sign_in", next=request.full_path))
    return _page(world, asked, person)


@routes.post(AUTHORIZE)
def decide() -> AnyResponse:
    world = current()
    asked = _asked(world)
    person = _signed_in(world)
    if person is None:
        return redirect(url_for("consent.sign_in", next=request.full_path))
    if request.form.get("decision") != "allow":
        return _return(asked, {"error": "access_denied"})
    chosen = [key for key in request.form.getlist("organisation") if organisations.find(world.store, key)]
    if not chosen or (len(chosen) > 1 and not world.settings.bulk_connections):
        return _page(world, asked, person, "Choose one organisation.")
    try:
        code = oauth.grant_code(world, asked, person, chosen)
    except connections.CapReachedError:
        return _page(world, asked, person, "This app has reached the number of connections its plan allows.")
    return _return(asked, {"code": code, "scope": asked.scope, "session_state": f"{person.id}.sandbox"})


@routes.get("/identity/sign-in")
def sign_in() -> str:
    world = current()
    return render_template("sign_in.html", people=world.settings.people, person=_form_person(world), next=_next())


@routes.post("/identity/sign-in")
def signed_in() -> AnyResponse | tuple[str, int]:
    world = current()
    person = _form_person(world)
    if request.form.get("email") != person.email or request.form.get("password") != person.password:
        page = render_template("sign_in.html", people=world.settings.people, person=person, next=_next(), wrong=True)
        return page, 401
    session["person"] = person.id
    return redirect(_next())


@routes.post("/identity/sign-out")
def sign_out() -> AnyResponse:
    session.clear()
    return redirect(url_for("consent.sign_in", next=_next()))


def _form_person(world: World) -> Person:
    world = current()
    email = request.values.get("email")
    return next((one for one in world.settings.people if one.email == email), world.settings.people[0])


def _next() -> str:
    """Where to go on, on this host only."""
    target = request.values.get("next", "/")
    return target if target.startswith("/") and not target.startswith(("//", "/\\")) else "/"


def _signed_in(world: World) -> Person | None:
    return world.settings.person(session.get("person", ""))


def _asked(world: World) -> oauth.Request:
    """What the app asks for. Raises MisconfiguredError."""
    client = world.settings.client(request.args.get("client_id", ""))
    if client is None or client.organisation is not None:
        raise MisconfiguredError("unauthorized_client", "Unknown client")
    uri = request.args.get("redirect_uri", "")
    if not oauth.redirect_allowed(uri) or (client.redirect_uris and uri not in client.redirect_uris):
        raise MisconfiguredError("unauthorized_client", "InvalidError redirect_uri")
    if request.args.get("response_type") != "code":
        raise MisconfiguredError("unsupported_response_type", "Only the code flow is supported")
    scope = request.args.get("scope", "")
    wrong = scopes.unknown(scope.split(), world.settings.scope_mode)
    if wrong or not scope.split():
        raise MisconfiguredError("invalid_scope", f"InvalidError scope for client: {' '.join(wrong)}")
    return oauth.Request(client, uri, scope, request.args.get("state", ""), _challenge())


def _challenge() -> str | None:
    challenge = request.args.get("code_challenge")
    if challenge and request.args.get("code_challenge_method") != "S256":
        raise MisconfiguredError("invalid_request", "Transform algorithm not supported")
    return challenge or None


def _page(world: World, asked: oauth.Request, person: Person, problem: str = "") -> Response:
    connected = {one.organisation for one in connections.of(world, asked.client.id, person.id)}
    page = render_template(
        "consent.html",
        asked=asked,
        person=person,
        problem=problem,
        organisations=organisations.every(world.store),
        connected=connected,
        several=world.settings.bulk_connections,
        here=request.full_path,
    )
    # The form's answer leads back to the app, which Chromium counts as a target of the form.
    target = urlsplit(asked.redirect_uri)
    g.form_target = f"{target.scheme}://{target.netloc}"
    return make_response(page)


def _return(asked: oauth.Request, values: dict[str, str]) -> AnyResponse:
    if asked.state:
        values["state"] = asked.state
    joint = "&" if urlsplit(asked.redirect_uri).query else "?"
    return redirect(f"{asked.redirect_uri}{joint}{urlencode(values)}")
