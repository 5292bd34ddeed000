"""Alerts: bank and tax details that were changed on the other side; who has looked at them, and what they stand at."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from flask import flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_login import current_user
from markupsafe import Markup
from sqlalchemy import select

from backoffice.admin import links
from backoffice.admin.addresses import return_to
from backoffice.admin.company_base import Page, here, not_found, number, page_number
from backoffice.extensions import db
from backoffice.models import KINDS, Alert, Bill, Contact, Payment, User, dues
from backoffice.models.alert import open_alerts

PER_PAGE = 50
MARK = Markup('<span class="state red" title="{}"><span aria-hidden="true">!</span> {}</span>')


def alerted(contact_ids: Collection[int]) -> dict[int, list[Alert]]:
    """The open alerts of these contacts; those of each are read once a request."""
    known: dict[int, list[Alert]] = g.setdefault("alerted", {})
    if unread := set(contact_ids) - known.keys():
        found = open_alerts(db.session(), here().id, Contact.kind, unread)
        known |= {contact_id: found.get(contact_id, []) for contact_id in unread}
    return known


def read_for(records: Sequence[Any]) -> None:
    """Read the alerts of all rows of a list at once."""
    alerted({key for record in records if (key := _party_id(record))})


def alerts_of(record: Any) -> list[Alert]:
    """The open alerts that a record carries: a contact its own, an open bill or a payment of one its supplier's."""
    key = _party_id(record)
    found = alerted([key])[key] if key else []
    if not found or isinstance(record, Contact | Payment):
        return found
    return found if not record.voided and dues.due(db.session(), record).left > 0 else []


def alerts_of_party(document: Any) -> list[Alert]:
    """The open alerts of whom money would go to for a document; what customers pay goes to nobody else."""
    key = _payee_id(document)
    return alerted([key])[key] if key else []


def _party_id(record: Any) -> int | None:
    """The contact whose alerts a record may carry."""
    if isinstance(record, Contact):
        return record.id
    if isinstance(record, Payment):
        return _payee_id(record.document) if not record.archived else None
    return _payee_id(record)


def _payee_id(document: Any) -> int | None:
    return document.contact_id if isinstance(document, Bill) else None


def mark(record: Any) -> Markup:
    """What a list shows beside one that carries an alert; empty for all others."""
    found = alerts_of(record)
    if not found:
        return Markup("")
    words = " and ".join(dict.fromkeys(Contact.column_label(alert.column).lower() for alert in found))
    return MARK.format("Somebody has to look at it before anybody pays", f"{words} changed".capitalize())


def marked(text: Any, record: Any) -> Any:
    """A cell with the mark behind it, where there is one."""
    shown = mark(record)
    return Markup("{} {}").format(text, shown) if shown else text


def looked_at(document: Any) -> bool:
    """Whether the person who sends a form has said that they know of the alerts that its money runs into."""
    found = alerts_of_party(document)
    return not found or request.form.get("alerts_known") == known_ids(found)


def known_ids(found: list[Alert]) -> str:
    """What a form carries of the alerts that it showed."""
    return "-".join(str(alert.id) for alert in found)


class AlertsView(Page):
    """What was changed there and has to be looked at, and what has been."""

    def __init__(self) -> None:
        super().__init__("Alerts", "Purchasing", endpoint="alerts", url="alerts")

    @expose("/")
    def index(self) -> ResponseReturnValue:
        done = request.args.get("tab") == "acknowledged"
        page = page_number()
        state = Alert.acknowledged_at.is_not(None) if done else Alert.acknowledged_at.is_(None)
        query = select(Alert).where(Alert.company_id == here().id, state).order_by(Alert.id.desc())
        rows = db.session.scalars(query.offset(page * PER_PAGE).limit(PER_PAGE + 1)).all()
        people = {row.acknowledged_by_id for row in rows} - {None}
        records = links.records_at((alert.kind, alert.record_id) for alert in rows)
        return self.render(
            "alerts/index.html",
            lines=[(alert, records.get((alert.kind, alert.record_id))) for alert in rows[:PER_PAGE]],
            more=len(rows) > PER_PAGE,
            page=page,
            done=done,
            names={user.id: user.name for user in db.session.scalars(select(User).where(User.id.in_(people)))},
            label=self.label,
        )

    def label(self, alert: Alert) -> str:
        """What people call the column that was changed."""
        return KINDS[alert.kind].column_label(alert.column)

    @expose("/acknowledge/", methods=("POST",))
    def acknowledge(self) -> ResponseReturnValue:
        """Put down that somebody has looked at it."""
        key = number(request.form.get("id"))
        alert = db.session.get(Alert, key) if key else None
        if alert is None or alert.company_id != here().id:
            not_found("alert")
        taken = alert.acknowledged_at is not None
        alert.acknowledge(current_user.id, request.form.get("note", "").replace("\x00", "").strip()[:1_000])
        db.session.commit()
        flash(
            "Somebody has acknowledged it already." if taken else "It is acknowledged.", "info" if taken else "success"
        )
        return redirect(return_to(url_for("alerts.index")), code=303)
