"""Companies: the list, a new one, its name and zone."""

from __future__ import annotations

from functools import cache
from typing import Any
from zoneinfo import available_timezones

from flask import current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from wtforms import StringField, ValidationError
from wtforms.validators import AnyOf, InputRequired, Length

from backoffice.admin.addresses import return_to
from backoffice.admin.audience import for_role, for_writers
from backoffice.admin.company_base import Page, company_with, number
from backoffice.admin.company_deletion import given_up
from backoffice.admin.company_list import FILTERS, SORTS, Asked, listed
from backoffice.admin.forms import NO_NUL
from backoffice.admin.sync_many import NOT_STARTED, sync_now
from backoffice.extensions import db
from backoffice.models import Company, Role, new_company
from backoffice.wording import counted

TAKEN = "There is a company called {} already."


def on_one_line(text: str | None) -> str:
    """What was typed on one line, with single blanks between the words."""
    return " ".join((text or "").split())


@cache
def zones() -> tuple[str, ...]:
    """The time zones there are, as people find them: by continent and city."""
    places = (name for name in every_zone() if "/" in name and not name.startswith("Etc/"))
    return (*sorted(places), "UTC")


@cache
def every_zone() -> frozenset[str]:
    """The time zones there are, those that lie nowhere among them."""
    return frozenset(available_timezones())


class CompanyForm(FlaskForm):
    """What is kept of a company itself."""

    name = StringField(
        "Name",
        [InputRequired("Give the company a name."), Length(max=255, message="At most 255 characters."), NO_NUL],
        filters=[on_one_line],
    )
    time_zone = StringField(
        "Time zone",
        [InputRequired("Choose a time zone.")],
        description="Its nightly update follows this clock. Type a city, such as Auckland.",
        default="UTC",
    )

    def validate_name(self, field: Any) -> None:
        """One that can be read, and told from the others'."""
        if not any(letter.isalnum() for letter in field.data):
            raise ValidationError("Give the company a name, with a letter or a digit in it.")
        alike = select(Company.name).where(func.lower(Company.name) == field.data.lower())
        if field.data.lower() != (field.object_data or "").lower() and (taken := db.session.scalar(alike)):
            raise ValidationError(TAKEN.format(taken))

    def validate_time_zone(self, field: Any) -> None:
        """Any that there is: an organisation's may be no city's."""
        known = {*every_zone(), field.object_data}
        AnyOf(known, message="There is no such time zone; choose one of the list.")(self, field)


class CompaniesView(Page):
    """All companies of this deployment."""

    write_role = Role.ADMINISTRATOR

    def __init__(self) -> None:
        super().__init__("Companies", "Administration", endpoint="companies", url="/companies")

    @expose("/")
    def index(self) -> ResponseReturnValue:
        asked = Asked.here()
        return self.render(
            "companies/list.html",
            found=listed(asked),
            asked=asked,
            filters=FILTERS,
            sorts=SORTS,
            providers=current_app.extensions["providers"],
            given_up=given_up() if self.may_write else (),
            limited=current_user.bounded,
            any_at_all=db.session.scalar(select(Company.id).where(Company.deletion_id.is_(None)).limit(1)) is not None,
        )

    @property
    def may_sync(self) -> bool:
        """Whether the person who looks may bring companies up to date."""
        return bool(current_user.may(Role.OPERATOR))

    @expose("/sync", methods=("POST",))
    @for_role(Role.OPERATOR)
    def sync(self) -> ResponseReturnValue:
        """Bring the ticked companies up to date."""
        ids = [key for key in map(number, request.form.getlist("rowid")) if key]
        tally = sync_now(ids)
        if not ids:
            flash("Tick at least one company.", "warning")
        elif tally["started"]:
            flash(f"Update started for {counted(tally['started'], 'company')}.", "info")
        for reason, word in NOT_STARTED.items():
            if tally[reason]:
                flash(f"{counted(tally[reason], 'company')} {'is' if tally[reason] == 1 else 'are'} {word}.", "warning")
        return redirect(return_to(url_for("companies.index")), code=303)

    @expose("/new", methods=("GET", "POST"))
    @for_writers
    def create(self) -> ResponseReturnValue:
        return self._form(None)

    @expose("/edit", methods=("GET", "POST"))
    @for_writers
    def edit(self) -> ResponseReturnValue:
        return self._form(company_with(number(request.args.get("id"))))

    def _form(self, company: Company | None) -> ResponseReturnValue:
        form = CompanyForm(obj=company)
        if form.validate_on_submit():
            try:
                saved = self._save(company, form)
            except IntegrityError:
                db.session.rollback()
                form.name.errors = [TAKEN.format(form.name.data)]
            else:
                flash(f"{saved.name} was {'saved' if company else 'added'}.", "success")
                onward = url_for("companies.index") if company else url_for("company.index", company=saved.id)
                return redirect(onward, code=303)
        return self.render("companies/form.html", form=form, zones=zones(), new=company is None)

    def _save(self, company: Company | None, form: CompanyForm) -> Company:
        company = company or new_company(db.session(), form.name.data or "")
        company.zone_chosen |= form.time_zone.data != company.time_zone
        form.populate_obj(company)
        db.session.commit()
        return company
