"""Signing in: what this deployment asks of everybody. For administrators."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from wtforms import BooleanField
from wtforms.validators import ValidationError

from backoffice.admin.addresses import public_address
from backoffice.admin.admission import Way, came_by, openid
from backoffice.admin.company_base import Page
from backoffice.clock import now
from backoffice.errors import ConflictError
from backoffice.extensions import db
from backoffice.models import Role, SignInRules, User
from backoffice.models.sign_in_rules import rules

NOT_SET_UP = "It is not set up: whoever runs this deployment has to set OIDC_ISSUER and what belongs to it."


class SignInRulesForm(FlaskForm):
    """What can be asked of everybody."""

    second_factor = BooleanField(
        "Ask for a second factor",
        description="A code of an authenticator, after the password. Whoever has none sets it up before anything else.",
    )
    single_sign_on = BooleanField(
        "Single sign-on only", description="Passwords are not taken any more, and sessions begun with one end."
    )

    def __init__(self, **kept: Any) -> None:
        super().__init__(**kept)
        if not (openid().configured or self.single_sign_on.object_data):
            self.single_sign_on.render_kw = {"disabled": True}

    def validate_single_sign_on(self, field: Any) -> None:
        """Nobody is to be locked out: an administrator shows that it works, and is in by it."""
        if not field.data or field.object_data:
            return
        if not openid().configured:
            raise ValidationError(NOT_SET_UP)
        if came_by() is not Way.SINGLE_SIGN_ON:
            raise ValidationError(
                f"Sign in with {openid().label} yourself first, to show that it works; then tick this."
            )


class SignInRulesView(Page):
    """The choices, and how many people are ready for them."""

    read_role = write_role = Role.ADMINISTRATOR

    def __init__(self) -> None:
        super().__init__("Signing in", "Administration", endpoint="sign_in_rules", url="/signing-in")

    @expose("/", methods=("GET", "POST"))
    def index(self) -> ResponseReturnValue:
        kept = rules(db.session())
        form = SignInRulesForm(obj=kept)
        if form.validate_on_submit():
            self._save(kept, form)
            flash("What is asked of whoever signs in was saved.", "success")
            return redirect(url_for("sign_in_rules.index"), code=303)
        return self.render(
            "sign_in_rules.html",
            form=form,
            kept=kept,
            changed_by=db.session.get(User, kept.changed_by_id) if kept.changed_by_id else None,
            openid=openid(),
            back_address=public_address("auth.back"),
            people=_counted(),
            with_second_factor=_counted(User.totp_since.is_not(None)),
            known_there=_counted(User.identity_issuer == openid().issuer),
        )

    def _save(self, kept: SignInRules, form: SignInRulesForm) -> None:
        form.populate_obj(kept)
        kept.changed_at, kept.changed_by_id = now(), current_user.id
        db.session.add(kept)
        try:
            db.session.commit()
        except IntegrityError as error:
            raise ConflictError from error


def _counted(*which: Any) -> int:
    """How many people who may sign in are so."""
    return db.session.scalar(select(func.count()).select_from(User).where(User.active, *which)) or 0
