"""Signing in and out: with a password, and a code where a second factor is set up; choosing a password."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_limiter.util import get_remote_address
from flask_login import current_user, login_user, logout_user

from backoffice.admin import single_sign_on
from backoffice.admin.addresses import return_to
from backoffice.admin.admission import Way, admit, half_way, openid, passwords_taken, proceed, sign_in_limit
from backoffice.admin.audience import for_role, public
from backoffice.admin.company_base import Page
from backoffice.errors import LostKeyError
from backoffice.extensions import db, limiter
from backoffice.models import Role, User
from backoffice.models.second_factor import accepts, recovery_codes_left
from backoffice.models.user import UnfitPasswordError, find_user, invited, set_password, verify_password

#: So often may codes be tried for one person, from wherever: a million of them are to be guessed from.
CODES_OF_ONE = "10 per 15 minutes"


def whose_code() -> str:
    """Whose codes are being tried."""
    found = half_way()
    return f"codes of {found[0].id}" if found else get_remote_address()


@public
@limiter.limit(sign_in_limit, methods=["POST"])
def sign_in() -> ResponseReturnValue:
    """The page with e-mail address and password, or with the way to the identity provider, or with both."""
    onward = return_to(url_for("house.index"), "next")
    if current_user.is_authenticated:
        return redirect(onward)
    if request.method == "GET" or not passwords_taken():
        return sign_in_page(), 200 if request.method == "GET" else 403
    user = find_user(db.session(), request.form.get("email", "").replace("\x00", ""))
    fits = verify_password(user, request.form.get("password", ""))
    if user and fits and user.active:
        return proceed(user, onward)
    return sign_in_page(wrong=True), 401


def sign_in_page(wrong: bool = False) -> str:
    """What can be signed in with here."""
    return render_template(
        "auth/sign_in.html",
        email=request.form.get("email", "").replace("\x00", ""),
        wrong=wrong,
        next=request.values.get("next"),
        passwords=passwords_taken(),
        openid=openid(),
    )


@public
@limiter.limit(CODES_OF_ONE, key_func=whose_code, methods=["POST"])
@limiter.limit(sign_in_limit, methods=["POST"])
def code() -> ResponseReturnValue:
    """The page that asks for the second factor."""
    found = half_way()
    if found is None:
        flash("The code comes after the password, and within ten minutes. Sign in again.", "warning")
        return redirect(url_for("auth.sign_in"), code=303)
    user, onward = found
    if request.method == "GET":
        return render_template("auth/code.html")
    typed = request.form.get("code", "")
    try:
        fits = accepts(db.session(), user, typed)
    except LostKeyError:
        db.session.rollback()
        return render_template("auth/code.html", key_lost=True), 503
    if not fits:
        db.session.rollback()
        return render_template("auth/code.html", wrong=True), 401
    admit(user, Way.PASSWORD)
    left = recovery_codes_left(db.session(), user)
    if not typed.strip().isdecimal():
        flash(f"That recovery code is used up; {left} are left. Your account is where you make new ones.", "warning")
    return redirect(onward, code=303)


@for_role(Role.VIEWER)
def sign_out() -> ResponseReturnValue:
    """End this session."""
    logout_user()
    session.clear()
    flash("You are signed out.", "success")
    return redirect(url_for("auth.sign_in"), code=303)


@public
@limiter.limit(sign_in_limit, methods=["POST"])
def welcome(token: str) -> ResponseReturnValue:
    """The one-time link by which a person chooses a password."""
    user = invited(db.session(), token)
    if user is None:
        return render_template("auth/link_used.html"), 404
    if not passwords_taken():
        flash(f"No password is needed here. Sign in with {openid().label}, as {user.email}.", "info")
        return redirect(url_for("auth.sign_in"), code=303)
    problem = None
    if request.method == "POST":
        problem = new_password(user)
        if problem is None:
            answer = proceed(user, url_for("house.index"))
            flash("Your password is set. Welcome.", "success")
            return answer
    return render_template("auth/welcome.html", user=user, problem=problem), 400 if problem else 200


def new_password(user: User) -> str | None:
    """Take the password that was typed twice; says why not. Commits nothing."""
    first, again = request.form.get("password", ""), request.form.get("again", "")
    if first != again:
        return "The two passwords differ. Type the same one twice."
    try:
        set_password(user, first)
    except UnfitPasswordError as error:
        return error.message
    return None


class AccountView(Page):
    """One's own name, password and second factor."""

    write_role = Role.VIEWER
    in_menu = False

    def __init__(self) -> None:
        super().__init__("Your account", endpoint="account", url="/account")

    @expose("/", methods=("GET", "POST"))
    @limiter.limit(sign_in_limit, methods=["POST"])
    def index(self) -> ResponseReturnValue:
        problem = self._change() if request.method == "POST" else None
        if request.method == "POST" and problem is None:
            flash("Your password is changed. Every other session of yours has ended.", "success")
            return redirect(return_to(url_for("account.index")), code=303)
        left = recovery_codes_left(db.session(), current_user)
        page = self.render("auth/account.html", problem=problem, passwords=passwords_taken(), codes_left=left)
        return page, 400 if problem else 200

    def _change(self) -> str | None:
        user: Any = db.session.get(User, current_user.id)
        if not verify_password(user, request.form.get("present", "")):
            return "That is not your current password."
        problem = new_password(user)
        if problem is None:
            db.session.commit()
            login_user(user)  # the epoch has moved on; this session stays
        return problem


def register(app: Flask) -> None:
    """Put the pages of signing in on an application."""
    blueprint = Blueprint("auth", __name__)
    blueprint.add_url_rule("/sign-in", "sign_in", sign_in, methods=["GET", "POST"])
    blueprint.add_url_rule("/sign-in/code", "code", code, methods=["GET", "POST"])
    blueprint.add_url_rule("/sign-in/elsewhere", "elsewhere", single_sign_on.begin)
    blueprint.add_url_rule("/sign-in/elsewhere/back", "back", single_sign_on.back)
    blueprint.add_url_rule("/sign-out", "sign_out", sign_out, methods=["POST"])
    blueprint.add_url_rule("/welcome/<token>", "welcome", welcome, methods=["GET", "POST"])
    app.register_blueprint(blueprint)
