"""Signing in and out, choosing a password."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, current_app, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_login import current_user, login_user, logout_user

from backoffice.admin.addresses import return_to
from backoffice.admin.company_base import Page
from backoffice.admin.security import public
from backoffice.clock import now
from backoffice.extensions import db, limiter, login
from backoffice.models import Role, User
from backoffice.models.user import UnfitPasswordError, find_user, invited, set_password, verify_password


def limit() -> str:
    """How often one address may try, as this deployment has it."""
    return str(current_app.extensions["settings"].sign_in_limit)


def admit(user: User) -> None:
    """Sign a person in, in a session that holds nothing from before."""
    session.clear()
    user.signed_in_at = now()
    db.session.commit()
    login_user(user)


@login.user_loader
def load_user(key: str) -> User | None:
    """The person of a session, unless it has been ended since."""
    user_id, _, epoch = key.partition(".")
    user = db.session.get(User, int(user_id)) if user_id.isdecimal() else None
    return user if user and user.active and str(user.session_epoch) == epoch else None


@public
@limiter.limit(limit, methods=["POST"])
def sign_in() -> ResponseReturnValue:
    """The page with e-mail address and password."""
    onward = return_to(url_for("house.index"), "next")
    if current_user.is_authenticated:
        return redirect(onward)
    email = request.form.get("email", "").replace("\x00", "")
    if request.method == "POST":
        user = find_user(db.session(), email)
        fits = verify_password(user, request.form.get("password", ""))
        if user and fits and user.active:
            admit(user)
            return redirect(onward, code=303)
        return render_template("auth/sign_in.html", email=email, wrong=True, next=request.values.get("next")), 401
    return render_template("auth/sign_in.html", email=email, wrong=False, next=request.values.get("next"))


def sign_out() -> ResponseReturnValue:
    """End this session."""
    logout_user()
    session.clear()
    flash("You are signed out.", "success")
    return redirect(url_for("auth.sign_in"), code=303)


@public
@limiter.limit(limit, methods=["POST"])
def welcome(token: str) -> ResponseReturnValue:
    """The one-time link by which a person chooses a password."""
    user = invited(db.session(), token)
    if user is None:
        return render_template("auth/link_used.html"), 404
    problem = None
    if request.method == "POST":
        problem = new_password(user)
        if problem is None:
            admit(user)
            flash("Your password is set. Welcome.", "success")
            return redirect(url_for("house.index"), code=303)
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
    """One's own name and password."""

    write_role = Role.VIEWER
    in_menu = False

    def __init__(self) -> None:
        super().__init__("Your account", endpoint="account", url="/account")

    @expose("/", methods=("GET", "POST"))
    def index(self) -> ResponseReturnValue:
        problem = self._change() if request.method == "POST" else None
        if request.method == "POST" and problem is None:
            flash("Your password is changed. Every other session of yours has ended.", "success")
            return redirect(return_to(url_for("account.index")), code=303)
        return self.render("auth/account.html", problem=problem), 400 if problem else 200

    def _change(self) -> str | None:
        user: Any = db.session.get(User, current_user.id)
        if not verify_password(user, request.form.get("present", "")):
            return "That is not your present password."
        problem = new_password(user)
        if problem is None:
            db.session.commit()
            login_user(user)  # the epoch has moved on; this session stays
        return problem


def register(app: Flask) -> None:
    """Put the pages of signing in on an application."""
    blueprint = Blueprint("auth", __name__)
    blueprint.add_url_rule("/sign-in", "sign_in", sign_in, methods=["GET", "POST"])
    blueprint.add_url_rule("/sign-out", "sign_out", sign_out, methods=["POST"])
    blueprint.add_url_rule("/welcome/<token>", "welcome", welcome, methods=["GET", "POST"])
    app.register_blueprint(blueprint)
