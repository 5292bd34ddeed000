"""Settings: what a company has chosen, in tabs that save one by one; what cannot work now says why."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import abort, current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from backoffice.admin import links, pauses
from backoffice.admin.company_base import Page, here, page_number
from backoffice.admin.company_clock import next_times
from backoffice.admin.history import history_of
from backoffice.admin.settings_form import TABS, Tab
from backoffice.extensions import db
from backoffice.models import CompanySettings, Connection, Role
from backoffice.models.settings import BRINGS_IN, SENDS
from backoffice.models.timetable import Rhythm
from backoffice.queue import doorbell
from backoffice.sync.linking import open_links

#: What means nothing before there is an accounting system to send to and to bring in from.
LINKED = ("send_", "bring_in_")
NEED_LINK = {
    "orders_as", "bills_as", "invoices_as", "credit_notes_as", "expense_account", "revenue_account",
    "purchase_tax", "sales_tax", "customers", "create_customers", "inventory",
}  # fmt: skip
#: What is due next, as the page says it.
RHYTHM_WORDS = {
    Rhythm.NIGHTLY: "Next night’s update",
    Rhythm.INTERVAL: "Next update by day",
    Rhythm.RECONCILIATION: "Next reconciliation",
}
#: Days are only a boundary: they may be chosen ahead.
AHEAD = {"send_from", "bring_in_from"}
#: The kind of record that a setting lets in or out; of several that one setting is for, the first.
KIND_OF = {setting: kind for table in (SENDS, BRINGS_IN) for kind, setting in reversed(table.items())}


class SettingsView(Page):
    """What this company has chosen about its synchronisation."""

    write_role = Role.ADMINISTRATOR

    def __init__(self) -> None:
        super().__init__("Settings", "Administration", endpoint="settings", url="settings")

    @expose("/", methods=("GET", "POST"))
    def index(self) -> ResponseReturnValue:
        name = request.args.get("tab", "general")
        if name not in TABS:
            abort(404)
        settings = settings_here()
        form = TABS[name](obj=settings)
        form.prepare(settings)
        greyed = _grey(form)
        if form.validate_on_submit() and self._saved(form, settings, greyed):
            return redirect(url_for("settings.index", tab=name if name != "general" else None), code=303)
        page = page_number()
        entries, more = history_of(settings, page) if settings.id else ([], False)
        return self.render(
            "settings/index.html",
            form=form,
            tab=name,
            tabs=TABS,
            greyed=greyed,
            closed=_closed(form, greyed),
            entries=entries,
            page=page,
            more=more,
            **_schedule(name),
        )

    def _saved(self, form: Tab, settings: CompanySettings, greyed: dict[str, str]) -> bool:
        before = _outgoing(settings)
        db.session.add(settings)
        for _, names in form.groups:
            for name in names:
                if name not in greyed:
                    form[name].populate_obj(settings, name)
        try:
            db.session.flush()
        except IntegrityError:
            db.session.rollback()
            flash("Somebody else saved the settings for the first time just now. Save yours again.", "warning")
            return False
        opened = self._let_go(before, settings)
        db.session.commit()
        if opened is not None:
            doorbell.ring("push", opened, urgent=True)
        flash("The settings were saved.", "success")
        return True

    def _let_go(self, before: dict[str, Any], settings: CompanySettings) -> int | None:
        """Let what was held back until now wait to be sent; says by which connection."""
        connection = links.connection_here()
        provider = links.provider_here()
        if connection is None or provider is None or not _more_goes_out(before, _outgoing(settings)):
            return None
        open_links(db.session(), connection, provider.mappers)
        return connection.id


def _schedule(tab: str) -> dict[str, Any]:
    """What the tab of that name shows besides its form: when things are due, and what is paused."""
    if tab != "schedule":
        return {}
    provider = links.provider_here()
    times = next_times(here()) if links.connection_here() else {}
    mappers = provider.mappers if provider else ()
    return {
        "times": times,
        "rhythms": RHYTHM_WORDS,
        "rest": pauses.rest(),
        "rests": pauses.rests(),
        "mappers": mappers,
    }


def settings_here() -> CompanySettings:
    """The settings of this company; those it starts from, in no session, where it has none."""
    found = db.session.scalar(select(CompanySettings).where(CompanySettings.company_id == here().id))
    return found or CompanySettings(company_id=here().id, **defaults())


def defaults() -> dict[str, Any]:
    """What holds as long as a company has chosen nothing."""
    columns: Any = CompanySettings.table().c
    return {each.key: each.default.arg for each in columns if each.default is not None and each.default.is_scalar}


def _outgoing(settings: CompanySettings) -> dict[str, Any]:
    """What decides which records are sent."""
    names = [column.key for column in CompanySettings.table().c if column.key.startswith("send_")]
    return {name: getattr(settings, name) for name in (*names, "customers")}


def _more_goes_out(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether a setting now lets records out that it held back."""
    earlier = after["send_from"] or dt.date.min
    if earlier < (before["send_from"] or dt.date.min):
        return True
    return any(after[name] and not before[name] for name in after if name != "send_from")


def _grey(form: Tab) -> dict[str, str]:
    """The settings of a tab that cannot work now, each with the reason; they are shown and not taken."""
    connection = links.connection_here()
    found = {name: why for _, names in form.groups for name in names if (why := why_not(name, form, connection))}
    for name in found:
        form[name].render_kw = {"disabled": True}
        form[name].validators = ()
        if request.method == "POST":
            form[name].process(None, getattr(settings_here(), name))
    return found


def _closed(form: Tab, greyed: dict[str, str]) -> dict[str, str]:
    """The groups of a tab in which nothing works now, each with the one reason of all."""
    reasons = {title: {greyed.get(name, "") for name in names} for title, names in form.groups}
    return {title: found.pop() for title, found in reasons.items() if len(found) == 1 and "" not in found}


def why_not(name: str, form: Tab, connection: Connection | None) -> str:
    """Why a setting cannot work with the present connection; empty if it can."""
    if name in AHEAD or not (name in NEED_LINK or name.startswith(LINKED)):
        return ""
    if connection is None:
        return f"Link to {_some_provider()} first."
    if missing := _missing_scope(name, connection):
        return f"The consent given in {links.provider_name()} does not cover this ({missing}). Link it again."
    lists = {"_account": "Accounts", "_tax": "Tax rates"}
    page = next((page for end, page in lists.items() if name.endswith(end)), None)
    if page and not any(code for code, *_ in form[name].iter_choices() if code):
        return f"There is nothing to choose from yet. Press Update on the page {page}."
    return ""


def _some_provider() -> str:
    names = [provider.name for provider in current_app.extensions["providers"].values()]
    return names[0] if len(names) == 1 else "an accounting system"


def _missing_scope(name: str, connection: Connection) -> str:
    """The scope that a setting needs and that the consent does not give."""
    provider = links.provider_of(connection)
    kind = KIND_OF.get(f"send_{name.removesuffix('_as')}" if name.endswith("_as") else name)
    if provider is None or kind is None:
        return ""
    return provider.missing_scope(connection, kind, sends=not name.startswith("bring_in_"))
