"""What stands around every page: headers, the signed-in person, whose edits are whose, and failures in words."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import urlsplit

from flask import Flask, Response, abort, current_app, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin.helpers import get_current_view
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from backoffice import outage
from backoffice.admin import pauses
from backoffice.admin.admission import still_asked
from backoffice.admin.audience import audience
from backoffice.admin.company_base import NotHereError, load_company
from backoffice.config import Settings
from backoffice.errors import BackofficeError, ConfigurationError, ConflictError, PausedError, TransientError
from backoffice.extensions import db
from backoffice.models import Author, Role
from backoffice.models.history import author

#: Code -> what happened, what to do.
FAILURES = {
    400: ("This request does not fit the page it came from.", "Go back, load the page again and repeat it."),
    403: ("You are not allowed to do this.", "An administrator can change what you may do, on the page Users."),
    404: ("There is nothing at this address.", "It may have been removed, or the link is mistyped."),
    405: ("This address cannot be opened directly.", "Go back and use the button there."),
    413: ("That was too much at once.", "Send less than 16 MB."),
    429: ("That was tried too often.", "Wait a minute, then try again."),
    500: ("Something here went wrong. Nothing was saved.", "Try again; if it stays so, tell whoever runs this."),
}
#: For scripts, which are not sent to the page of signing in.
SIGNED_OUT = "You are signed out. Load the page again and sign in."
#: What a browser could do for a page and need not for any of ours.
PERMISSIONS = ", ".join(
    f"{feature}=()"
    for feature in ("camera", "display-capture", "geolocation", "microphone", "midi", "payment", "serial", "usb")
)
STALE = ("This page was open too long, or in another window.", "Go back, load the page again and repeat it.")


def protect(app: Flask) -> None:
    """Put the guards around every page of an application."""
    policy = content_policy(app.extensions["settings"])
    # A form may be as large as a request: the page of matches asks about each record that waits.
    app.config["MAX_FORM_MEMORY_SIZE"] = app.config["MAX_CONTENT_LENGTH"]
    app.before_request(require_own_name)
    app.before_request(require_person)
    app.before_request(load_company)
    app.before_request(require_role)
    app.before_request(sign_edits)
    app.teardown_request(forget_author)
    app.register_error_handler(HTTPException, failure)
    app.register_error_handler(CSRFError, stale)
    app.register_error_handler(NotHereError, not_here)
    app.register_error_handler(PausedError, paused)
    app.register_error_handler(BackofficeError, problem)
    app.register_error_handler(DBAPIError, database_fails)
    app.register_error_handler(Exception, unexpected)

    @app.after_request
    def headers(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("X-Frame-Options", "DENY")
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "same-origin")
        response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        if app.extensions["settings"].https:
            response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        if is_static():
            response.headers["Cache-Control"] = "public, max-age=31536000" if "v" in request.args else "no-cache"
        elif "Cache-Control" not in response.headers:
            response.headers["Cache-Control"] = "no-store"
        return response


def content_policy(settings: Settings) -> str:
    """Everything comes from here; a form may lead to the sign-in of an accounting system besides."""
    addresses = [value for name, value in settings if name.endswith("_authorize_url")]
    origins = sorted({f"{parts.scheme}://{parts.netloc}" for parts in map(urlsplit, addresses)})
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            f"form-action 'self' {' '.join(origins)}".rstrip(),
            "frame-ancestors 'none'",
            "base-uri 'none'",
        )
    )


def is_static() -> bool:
    return bool(request.endpoint and request.endpoint.endswith("static"))


def require_own_name() -> ResponseReturnValue | None:
    """Before each request: in production it names this deployment, unless a machine asks, which may know an IP only."""
    settings: Settings = current_app.extensions["settings"]
    own = urlsplit(settings.public_url).hostname
    if not settings.production or is_for_machines() or urlsplit(f"//{request.host}").hostname == own:
        return None
    todo = "Whoever runs this has to let the Host header through, or count the proxies in TRUSTED_PROXIES."
    return page(421, f"This is reached at {settings.public_url} only.", todo)


def is_for_machines() -> bool:
    """Whether the page asked for knows no session."""
    return bool(getattr(current_app.view_functions.get(request.endpoint or ""), "machine", False))


def require_person() -> ResponseReturnValue | None:
    """Before each request: somebody is signed in, the way this deployment asks for, or the page is for everybody."""
    view = current_app.view_functions.get(request.endpoint or "")
    if is_static() or getattr(view, "public", False):
        return None
    if isinstance(request.routing_exception, MethodNotAllowed):
        return None  # signing in would not help
    elsewhere = still_asked() if current_user.is_authenticated else to_sign_in()
    if elsewhere is not None and (request.path.endswith("/progress/") or "/ajax/" in request.path):
        return SIGNED_OUT, 401
    return elsewhere


def to_sign_in() -> ResponseReturnValue:
    """To the page of signing in, which leads back here."""
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("auth.sign_in", next=wanted if wanted != "/" else None), code=303)


def require_role() -> None:
    """Before each request: the view is for people of this role. One that does not say for whom it is, is for nobody."""
    view = current_app.view_functions.get(request.endpoint or "")
    if view is None or request.endpoint is None:
        return  # there is nothing at the address
    who = audience(request.endpoint, view, request.method)
    if who is None or (isinstance(who, Role) and not current_user.may(who)):
        abort(403)


def sign_edits() -> None:
    """Before each request: what is written from here on is the signed-in person's; a machine has no session."""
    if not is_static() and not is_for_machines() and current_user.is_authenticated:
        author.set(Author(user_id=current_user.id))


def forget_author(_error: BaseException | None) -> None:
    author.set(Author())


def failure(error: HTTPException) -> ResponseReturnValue:
    """A failure with a code, in words."""
    if error.code is not None and error.code < 400:
        return error
    code = error.code or 500
    what, todo = FAILURES.get(code, (HTTPStatus(code).phrase, FAILURES[400][1]))
    told = {name: value for name, value in error.get_headers() if name != "Content-Type"}  # Allow, for one
    return render_template("failure.html", framed=True, code=code, what=what, todo=todo), code, told


def stale(_error: CSRFError) -> ResponseReturnValue:
    """A form without the token of its session."""
    return page(400, *STALE)


def not_here(error: NotHereError) -> ResponseReturnValue:
    """Something that the address names is not there."""
    what, todo = FAILURES[404]
    view = get_current_view()
    back = view and (view.name, url_for(f"{view.endpoint}.{view._default_view}"))
    return render_template(
        "failure.html", framed=True, code=404, what=error.description or what, todo=todo, back=back
    ), 404


def problem(error: BackofficeError) -> ResponseReturnValue:
    """What the application itself knows how to say."""
    db.session.rollback()
    if isinstance(error, TransientError):
        return page(503, error.message, "Nothing is lost. Try again in a minute.")
    if isinstance(error, ConfigurationError):
        return page(500, error.message, "Whoever runs this deployment has to set it.")
    return page(409 if isinstance(error, ConflictError) else 400, error.message, "Go back and look at what it says.")


def paused(error: PausedError) -> ResponseReturnValue:
    """A button asked for what is paused: back to its page, which says so."""
    if "company" not in g:
        return problem(error)
    pauses.say_so(error)
    came_from = urlsplit(request.referrer or "")
    here = came_from.netloc == request.host and came_from.path.startswith(f"/c/{g.company.id}/")
    path = f"{came_from.path}?{came_from.query}" if came_from.query else came_from.path
    return redirect(path if here else url_for("company.index", company=g.company.id), code=303)


def database_fails(error: DBAPIError) -> ResponseReturnValue:
    """The database is full, away or closed to writing: on a page that asks it for nothing."""
    said = outage.words(error)
    if said is None:
        return unexpected(error)
    current_app.logger.error("a page failed: %s", said)
    db.session.rollback()
    return bare_page(503, said, outage.TO_DO.get(said, outage.TELL))


def unexpected(error: Exception) -> ResponseReturnValue:
    """What nobody foresaw: into the log whole, onto the page in words."""
    if current_app.testing or current_app.debug:
        raise error
    current_app.logger.error("a page failed", exc_info=error)
    db.session.rollback()
    return bare_page(500, *FAILURES[500])


def page(code: int, what: str, todo: str) -> ResponseReturnValue:
    """A page that says what happened and what to do."""
    return render_template("failure.html", framed=True, code=code, what=what, todo=todo), code


def bare_page(code: int, what: str, todo: str) -> ResponseReturnValue:
    """The same without anything for which the database would be asked: not even who is signed in."""
    failure_page = current_app.jinja_env.get_template("failure.html")
    return failure_page.render(framed=False, code=code, what=what, todo=todo), code
