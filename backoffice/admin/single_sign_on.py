"""Single sign-on: to the identity provider's page and back. Whatever goes wrong is said on the page of signing in."""

from __future__ import annotations

from flask import abort, redirect, request, session, url_for
from flask.typing import ResponseReturnValue

from backoffice.admin.addresses import public_address, return_to
from backoffice.admin.admission import Way, admit, openid, sign_in_limit
from backoffice.admin.audience import public
from backoffice.admin.messages import show_problem
from backoffice.errors import BackofficeError
from backoffice.extensions import db, limiter
from backoffice.models.identity import recognise

#: Sign-ins begun in one browser and not yet ended, at most.
MOST_OPEN = 5
CANCELLED = "access_denied"


@public
@limiter.limit(sign_in_limit)
def begin() -> ResponseReturnValue:
    """Off to the identity provider."""
    if not openid().configured:
        abort(404)
    onward = return_to(url_for("house.index"), "next")
    db.session.rollback()
    try:
        begun = openid().begin(public_address("auth.back"))
    except BackofficeError as error:
        return refused(error.message, onward)
    others = list((session.get("sign_ons") or {}).items())[1 - MOST_OPEN :]
    session["sign_ons"] = {**dict(others), begun.state: [begun.nonce, begun.verifier, onward]}
    return redirect(begun.url, code=303)


@public
@limiter.limit(sign_in_limit)
def back() -> ResponseReturnValue:
    """The identity provider's answer."""
    if not openid().configured:
        abort(404)
    others = dict(session.get("sign_ons") or {})
    begun = others.pop(request.args.get("state", ""), None)
    session["sign_ons"] = others
    if begun is None:
        return refused("This sign-in was not begun in this browser, or it was used already. Start again.")
    nonce, verifier, onward = begun
    if said := request.args.get("error"):
        return refused(_turned_down(said), onward)
    db.session.rollback()
    try:
        identity = openid().finish(public_address("auth.back"), request.args.get("code", ""), nonce, verifier)
        user = recognise(db.session(), identity)
    except BackofficeError as error:
        db.session.rollback()
        return refused(error.message, onward)
    admit(user, Way.SINGLE_SIGN_ON)
    return redirect(onward, code=303)


back.writes = True  # type: ignore[attr-defined]


def refused(why: str, onward: str | None = None) -> ResponseReturnValue:
    """Back to the page of signing in, which says why; where the person wanted to go is kept."""
    show_problem(f"You are not signed in with {openid().label}.", why)
    return redirect(url_for("auth.sign_in", next=onward if onward != url_for("house.index") else None), code=303)


def _turned_down(said: str) -> str:
    if said == CANCELLED:
        return f"You, or {openid().label}, did not agree to it. Try again, or ask whoever looks after it."
    return f"{openid().label} turned the sign-in down. Try again; if it stays so, ask whoever looks after it."
