"""Pausing and resuming a company, or kinds of its records: what every such button does."""

from __future__ import annotations

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_login import current_user

from backoffice.admin import links
from backoffice.admin.addresses import return_to
from backoffice.admin.company_base import Page, here
from backoffice.admin.messages import say
from backoffice.admin.settings import settings_here
from backoffice.admin.words import kinds_text
from backoffice.extensions import db
from backoffice.models import KINDS, CompanySettings, Role
from backoffice.queue import doorbell
from backoffice.sync import jobs, pause


class PausingView(Page):
    """The buttons; there is no page of its own."""

    in_menu = False
    write_role = Role.ADMINISTRATOR

    def __init__(self) -> None:
        super().__init__("Pause", endpoint="pausing", url="pause")

    @expose("/")
    def index(self) -> ResponseReturnValue:
        return redirect(url_for("settings.index", tab="schedule"))

    @expose("/company/", methods=("POST",))
    def pause_company(self) -> ResponseReturnValue:
        """Nothing of the company travels from now on."""
        pause.pause(db.session(), _settings())
        flash(f"{here().name} is paused. What is changed on either side meanwhile goes when you resume it.", "success")
        return _back()

    @expose("/company/resume/", methods=("POST",))
    def resume_company(self) -> ResponseReturnValue:
        """All that was held back goes."""
        pause.resume(db.session(), _settings())
        self._go_on(f"{here().name} goes on.")
        return _back()

    @expose("/kinds/", methods=("POST",))
    def pause_kinds(self) -> ResponseReturnValue:
        """Records of some kinds rest; all others travel."""
        kinds = _ticked()
        pause.pause_kinds(db.session(), _settings(), kinds)
        if kinds:
            flash(f"{kinds_text(kinds).capitalize()} are paused: neither sent nor brought in.", "success")
        return _back()

    @expose("/kinds/resume/", methods=("POST",))
    def resume_kinds(self) -> ResponseReturnValue:
        """What was held back of some kinds goes."""
        kinds = _ticked()
        pause.resume_kinds(db.session(), _settings(), kinds)
        if kinds:
            self._go_on(f"{kinds_text(kinds).capitalize()} go on.")
        return _back()

    def _go_on(self, said: str) -> None:
        """Ask for an Update of everything: what did not rest may have waited for what did."""
        connection, provider = links.connection_here(), links.provider_here()
        if connection is None or provider is None or not connection.usable or pause.held(settings_here()):
            flash(said, "success")
            return
        every = [mapper.kind for mapper in provider.mappers]
        job, _ = jobs.request_update(db.session(), connection, every, user_id=current_user.id, title="Resumed")
        doorbell.ring("run", job.id, urgent=True)
        said += " What was held back on either side is brought up to date now."
        say(said, url_for("sync_jobs.details", id=job.id), "See the job", "success")


def _settings() -> CompanySettings:
    found = settings_here()
    db.session.add(found)
    return found


def _ticked() -> list[str]:
    return [kind for kind in dict.fromkeys(request.form.getlist("kind")) if kind in KINDS]


def _back() -> ResponseReturnValue:
    return redirect(return_to(url_for("settings.index", tab="schedule")), code=303)
