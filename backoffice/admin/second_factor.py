"""One's own second factor: set up with an authenticator's picture and a first code, set up anew, taken off."""

from __future__ import annotations

import segno
from flask import current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_login import current_user, login_user
from itsdangerous import BadSignature, URLSafeTimedSerializer

from backoffice.admin.admission import owes_second_factor, sign_in_limit
from backoffice.admin.company_base import Page
from backoffice.extensions import db, limiter
from backoffice.models import Role, User
from backoffice.models.second_factor import address_of, new_secret, set_up, take_off
from backoffice.models.sign_in_rules import rules
from backoffice.models.user import end_sessions, verify_password

#: How long the picture may stay open, in seconds.
PICTURE_LASTS = 3600
WRONG_PASSWORD = "That is not your current password."  # noqa: S105


class SecondFactorView(Page):
    """The pages of one's second factor."""

    in_menu = False
    write_role = Role.VIEWER

    def __init__(self) -> None:
        super().__init__("Second factor", endpoint="second_factor", url="/account/second-factor")

    @expose("/", methods=("GET", "POST"))
    @limiter.limit(sign_in_limit, methods=["POST"])
    def index(self) -> ResponseReturnValue:
        if request.method == "GET":
            return self._picture(new_secret())
        secret = _unsealed()
        if secret is None:
            return self._picture(new_secret(), "This picture was open too long. Scan the new one."), 400
        user = _me()
        if not _proved(user):
            return self._picture(secret, WRONG_PASSWORD), 400
        codes = set_up(db.session(), user, secret, request.form.get("code", ""))
        if codes is None:
            why = "That code does not fit. Type the one that the authenticator shows now; its clock has to be right."
            return self._picture(secret, why), 400
        _keep(user)
        return self.render("auth/recovery_codes.html", codes=codes)

    @expose("/off/", methods=("POST",))
    @limiter.limit(sign_in_limit)
    def off(self) -> ResponseReturnValue:
        """Take it off, where this deployment does not ask for one."""
        user = _me()
        if rules(db.session()).second_factor:
            flash("An administrator asks everybody for a second factor. You can set it up anew.", "warning")
        elif not _proved(user):
            flash(f"{WRONG_PASSWORD} The second factor stays.", "danger")
        else:
            take_off(db.session(), user)
            _keep(user)
            flash("The second factor is off. Your password alone lets you in.", "success")
        return redirect(url_for("account.index"), code=303)

    def _picture(self, secret: str, problem: str = "") -> str:
        """The page with the picture to scan, and what it says in letters."""
        user = _me()
        picture = segno.make(address_of(user, secret), error="m")
        return self.render(
            "auth/second_factor.html",
            problem=problem,
            picture=picture.svg_data_uri(scale=5, border=3, light="#fff"),
            letters=" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
            sealed=_seal().dumps([user.id, secret]),
            owes=owes_second_factor(),
        )


def _me() -> User:
    user: User = current_user._get_current_object()
    return user


def _proved(user: User) -> bool:
    """Whether it is the person who is at the keys; whoever has no password came from the identity provider."""
    return user.password_hash is None or verify_password(user, request.form.get("present", ""))


def _keep(user: User) -> None:
    """Keep it; every other session, which was begun without it, ends."""
    end_sessions(user)
    db.session.commit()
    login_user(user)


def _seal() -> URLSafeTimedSerializer:
    """Signs the secret that the page carries, so that it comes back as it was, from the same person."""
    return URLSafeTimedSerializer(str(current_app.secret_key), salt="second factor")


def _unsealed() -> str | None:
    try:
        user_id, secret = _seal().loads(request.form.get("sealed", ""), max_age=PICTURE_LASTS)
    except BadSignature:
        return None
    return str(secret) if user_id == current_user.id else None
