"""Integrations: a card for each accounting system of this deployment; link, test, update, unlink."""

from __future__ import annotations

from typing import Any

from flask import abort, current_app, flash, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_login import current_user
from sqlalchemy import select

from backoffice.admin import links, pauses, standing
from backoffice.admin.addresses import public_address, return_to
from backoffice.admin.audience import for_role
from backoffice.admin.company_base import Page, here
from backoffice.admin.consent import remember
from backoffice.admin.messages import show_error, show_problem
from backoffice.admin.unlinking import end_there, let_go
from backoffice.admin.update import start_update
from backoffice.errors import BackofficeError
from backoffice.extensions import db
from backoffice.models import KINDS, RECORDS, Connection, Role, SyncJob
from backoffice.sync import linking, open_book
from backoffice.sync.provider import Provider


def closed_books() -> list[tuple[Connection, int]]:
    """The books that rest while another one is open, each with how many records it holds."""
    resting = open_book.resting(db.session(), here().id)
    found = db.session.scalars(select(Connection).where(Connection.id.in_(resting)).order_by(Connection.organisation))
    records = {model.table().name for model in RECORDS}
    return [(one, sum(n for table, n in resting[one.id].items() if table in records)) for one in found]


class IntegrationsView(Page):
    """The accounting systems a company can be linked to."""

    def __init__(self) -> None:
        super().__init__("Integrations", "Sync", endpoint="integrations", url="integrations")

    @property
    def may_link(self) -> bool:
        """Whether the person who looks may link, test and unlink."""
        return bool(current_user.may(Role.ADMINISTRATOR))

    @expose("/")
    def index(self) -> ResponseReturnValue:
        return self.render(
            "integrations/index.html",
            providers=current_app.extensions["providers"],
            fresh=standing.freshness(),
            calls=standing.calls_today(),
            matches=self._matches(),
            books=closed_books(),
        )

    def job(self) -> SyncJob | None:
        """What is being done for this company just now."""
        return standing.open_job(tuple(KINDS))

    def _matches(self) -> int:
        connection = links.connection_here()
        return standing.matches_waiting(connection) if connection else 0

    @expose("/update/", methods=("POST",))
    def update_kinds(self) -> ResponseReturnValue:
        """Bring the ticked kinds up to date."""
        connection = links.connection_here()
        provider = links.provider_here()
        ticked = [m.kind for m in provider.mappers if m.kind in request.form.getlist("kind")] if provider else []
        if connection is None or not connection.usable:
            flash("Link this company to its accounting system first.", "warning")
        elif not ticked:
            flash("Tick at least one kind of record.", "warning")
        else:
            start_update(connection, ticked)
        return redirect(return_to(url_for("integrations.index")), code=303)

    @expose("/<key>/connect/", methods=("POST",))
    @for_role(Role.ADMINISTRATOR)
    def connect(self, key: str) -> ResponseReturnValue:
        provider = self._provider(key)
        try:
            consent = provider.begin(public_address("oauth.callback", key=key))
        except BackofficeError as error:
            show_error(f"{provider.name} cannot be linked yet.", error)
            return redirect(url_for("integrations.index"), code=303)
        remember(session, consent, key, here().id)
        return redirect(consent.url, code=303)

    @expose("/test/", methods=("POST",))
    @for_role(Role.ADMINISTRATOR)
    def test(self) -> ResponseReturnValue:
        connection = self._linked()
        if connection is None:
            return self._unlinked_already()
        provider = self._provider(connection.provider)
        if pauses.refused():
            return redirect(url_for("integrations.index"), code=303)
        finding = provider.test(let_go(connection))
        if finding.ok:
            self._works_again()
            flash(finding.what, "success")
        else:
            show_problem("The connection does not work.", finding.what, finding.todo)
        return redirect(return_to(url_for("integrations.index")), code=303)

    @expose("/disconnect/", methods=("GET", "POST"))
    @for_role(Role.ADMINISTRATOR)
    def disconnect(self) -> ResponseReturnValue:
        connection = self._linked()
        if connection is None:
            return self._unlinked_already()
        if request.method == "GET":
            return self.render("integrations/disconnect.html", fresh=standing.freshness())
        provider, organisation = links.provider_of(connection), connection.organisation
        linking.unlink(db.session(), connection)
        end_there(provider, connection)
        flash(f"{organisation} is unlinked. Both sides keep their records.", "success")
        return redirect(url_for("integrations.index"), code=303)

    def _works_again(self) -> None:
        """What was lost is answered for once more: go on."""
        connection = links.connection_here()
        if connection is not None and not connection.usable:
            linking.revive(db.session(), connection)
            start_update(connection, self._kinds(connection))

    def _kinds(self, connection: Connection) -> list[str]:
        provider = links.provider_of(connection)
        return [mapper.kind for mapper in provider.mappers] if provider else []

    def _linked(self) -> Connection | None:
        return links.connection_here()

    def _unlinked_already(self) -> ResponseReturnValue:
        """Somebody was faster, or came back to an old page."""
        flash(f"{here().name} is not linked.", "info")
        return redirect(return_to(url_for("integrations.index")), code=303)

    def _provider(self, key: str) -> Provider:
        provider: Any = current_app.extensions["providers"].get(key)
        return provider or abort(404)
