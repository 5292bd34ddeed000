"""Admission: how a session begins, what it remembers of that, and what is asked of whoever has one."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Any

from flask import current_app, flash, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_user, logout_user

from backoffice.clock import now
from backoffice.extensions import db, login
from backoffice.models import User
from backoffice.models.reach import limit
from backoffice.models.sign_in_rules import rules
from backoffice.providers.openid import OpenID

#: How long a person may take between password and code.
HALF_WAY_LASTS = timedelta(minutes=10)
#: The page of those who still have to set up a second factor; and everybody may leave.
SET_UP, LEAVE = "second_factor.index", "auth.sign_out"


class Way(StrEnum):
    """How a person came in."""

    PASSWORD = "password"  # noqa: S105
    SINGLE_SIGN_ON = "single_sign_on"


@login.user_loader
def load_user(key: str) -> User | None:
    """The person of a session, unless it has been ended since. From then on only their companies are found."""
    user_id, _, epoch = key.partition(".")
    user = db.session.get(User, int(user_id)) if user_id.isdecimal() else None
    if user is None or not user.active or str(user.session_epoch) != epoch:
        return None
    limit(db.session(), user)
    return user


def admit(user: User, way: Way) -> None:
    """Sign a person in, in a session that holds nothing from before."""
    session.clear()
    session["way"] = way.value
    user.signed_in_at = now()
    db.session.commit()
    login_user(user)


def proceed(user: User, onward: str) -> ResponseReturnValue:
    """After a password: in, or to the page that asks for the code."""
    if user.totp_since is None:
        admit(user, Way.PASSWORD)
        return redirect(onward, code=303)
    db.session.commit()
    session.clear()
    until = (now() + HALF_WAY_LASTS).timestamp()
    session["half_way"] = {"user": user.get_id(), "until": until, "next": onward}
    return redirect(url_for("auth.code"), code=303)


def half_way() -> tuple[User, str] | None:
    """Who has given a password, and where they wanted to go."""
    kept: dict[str, Any] = session.get("half_way") or {}
    user = load_user(kept["user"]) if kept and kept["until"] > now().timestamp() else None
    return (user, kept["next"]) if user and user.totp_since else None


def came_by() -> Way:
    """How the person who is signed in came in."""
    return Way(session.get("way", Way.PASSWORD))


def openid() -> OpenID:
    """The identity provider of this deployment."""
    found: OpenID = current_app.extensions["openid"]
    return found


def sign_in_limit() -> str:
    """How often one address may try to come in, as this deployment has it."""
    return str(current_app.extensions["settings"].sign_in_limit)


def passwords_taken() -> bool:
    """Whether people may sign in with a password: always, where there is nothing else to sign in with."""
    return not (openid().configured and rules(db.session()).single_sign_on)


def owes_second_factor() -> bool:
    """Whether the person still has to set one up; whoever comes from the identity provider was asked there."""
    return current_user.totp_since is None and came_by() is Way.PASSWORD and rules(db.session()).second_factor


def still_asked() -> ResponseReturnValue | None:
    """What stands between a signed-in person and the page, by the rules of this deployment."""
    if came_by() is Way.SINGLE_SIGN_ON or request.endpoint == LEAVE:
        return None
    if not passwords_taken():
        logout_user()
        session.clear()
        flash(f"Passwords are not taken here any more. Sign in with {openid().label}.", "warning")
        return redirect(url_for("auth.sign_in"), code=303)
    owes = request.endpoint != SET_UP and owes_second_factor()
    return redirect(url_for(SET_UP), code=303) if owes else None
