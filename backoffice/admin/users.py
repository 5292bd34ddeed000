"""Users: invite, open companies, change the role, reset what they sign in with, deactivate. For administrators."""

from __future__ import annotations

from collections.abc import Callable

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_login import current_user
from sqlalchemy import func, select
from wtforms import SelectField, StringField
from wtforms.validators import InputRequired, Length

from backoffice.admin.addresses import public_address
from backoffice.admin.admission import openid, passwords_taken
from backoffice.admin.company_base import Page, number
from backoffice.admin.forms import EMAIL, NO_NUL, options, stripped
from backoffice.admin.reach import ReachForm, reach_of, reach_words
from backoffice.admin.words import ROLE_WORDS
from backoffice.errors import BackofficeError
from backoffice.extensions import db
from backoffice.models import Role, User
from backoffice.models.identity import forget
from backoffice.models.reach import choose
from backoffice.models.second_factor import take_off
from backoffice.models.user import (
    EmailTakenError,
    end_sessions,
    invite,
    keep_an_administrator,
    new_invitation,
)


class InvitationForm(ReachForm):
    """Who is let in, as what, to which companies."""

    name = StringField("Name", [InputRequired("Give a name."), Length(max=255), NO_NUL], filters=[stripped])
    email = StringField(
        "E-mail",
        [InputRequired("Give an e-mail address."), Length(max=255), NO_NUL, EMAIL],
        filters=[stripped],
        description="They sign in with it.",
    )
    role = SelectField(
        "Role",
        choices=options(ROLE_WORDS),
        coerce=Role,
        default=Role.OPERATOR,
    )


class UsersView(Page):
    """Who may sign in, and what each may do."""

    read_role = write_role = Role.ADMINISTRATOR

    def __init__(self) -> None:
        super().__init__("Users", "Administration", endpoint="users", url="/users")

    @expose("/")
    def index(self) -> ResponseReturnValue:
        return self._list()

    def _list(self, invited: User | None = None, token: str = "") -> ResponseReturnValue:
        # A one-time link stands on the answer to the request that made it and nowhere else: a session can be read.
        people = [*db.session.scalars(select(User).order_by(User.active.desc(), func.lower(User.name), User.id))]
        return self.render(
            "users/list.html",
            people=people,
            roles=ROLE_WORDS,
            reach=reach_words(people),
            invited=invited,
            link=public_address("auth.welcome", token=token) if passwords_taken() else "",
            openid=openid(),
        )

    @expose("/new", methods=("GET", "POST"))
    def create(self) -> ResponseReturnValue:
        form = InvitationForm()
        if form.validate_on_submit():
            try:
                user, token = invite(db.session(), form.email.data or "", form.name.data or "", form.role.data)
            except EmailTakenError as error:
                form.email.errors = [error.message]
            else:
                choose(db.session(), user, form.chosen)
                db.session.commit()
                return self._list(user, token)
        return self.render("users/form.html", form=form)

    @expose("/person", methods=("GET", "POST"))
    def person(self) -> ResponseReturnValue:
        """One of them: the companies that are open, and what is signed in with."""
        user = self._one()
        form = ReachForm(data=reach_of(user))
        if form.validate_on_submit():
            choose(db.session(), user, form.chosen)
            db.session.commit()
            flash(f"The companies of {user.name} were saved.", "success")
            return redirect(url_for("users.index"), code=303)
        return self.render("users/person.html", person=user, form=form, openid=openid())

    @expose("/second-factor/off", methods=("POST",))
    def reset_second_factor(self) -> ResponseReturnValue:
        """For somebody whose authenticator and recovery codes are lost."""

        def change(user: User) -> str:
            take_off(db.session(), user)
            return f"The second factor of {user.name} is off. They can set up a new one."

        return self._change(change)

    @expose("/identity/forget", methods=("POST",))
    def forget_identity(self) -> ResponseReturnValue:
        """For somebody who has another account at the identity provider now."""

        def change(user: User) -> str:
            forget(user)
            return f"The next account there with the address {user.email} is taken for {user.name}."

        return self._change(change)

    @expose("/reset", methods=("POST",))
    def reset(self) -> ResponseReturnValue:
        user = self._one()
        if not user.active:
            abort(404)
        if user.id == current_user.id:
            flash("Change your own password here: a reset would sign you out before you see the link.", "warning")
            return redirect(url_for("account.index"), code=303)
        token = new_invitation(user)
        user.password_hash = None
        end_sessions(user)
        db.session.commit()
        return self._list(user, token)

    @expose("/role", methods=("POST",))
    def change_role(self) -> ResponseReturnValue:
        wanted = request.form.get("role", "")
        if wanted not in set(Role):
            abort(400)

        def change(user: User) -> str:
            if Role(wanted) is not Role.ADMINISTRATOR:
                keep_an_administrator(db.session(), user)
            user.role = Role(wanted)
            return f"{user.name} is {'an' if wanted[0] in 'ao' else 'a'} {wanted} now."

        return self._change(change)

    @expose("/deactivate", methods=("POST",))
    def deactivate(self) -> ResponseReturnValue:
        def change(user: User) -> str:
            keep_an_administrator(db.session(), user)
            user.active, user.invitation_hash = False, None
            return f"{user.name} can no longer sign in."

        return self._change(change)

    @expose("/activate", methods=("POST",))
    def activate(self) -> ResponseReturnValue:
        def change(user: User) -> str:
            user.active = True
            return f"{user.name} can sign in again."

        return self._change(change)

    def _one(self) -> User:
        key = number(request.values.get("id"))
        user = db.session.get(User, key) if key else None
        if user is None:
            abort(404)
        return user

    def _change(self, change: Callable[[User], str]) -> ResponseReturnValue:
        user = self._one()
        try:
            said = change(user)
        except BackofficeError as error:
            db.session.rollback()
            flash(error.message, "danger")
        else:
            end_sessions(user)
            db.session.commit()
            flash(said, "success")
        return redirect(url_for("users.index"), code=303)
