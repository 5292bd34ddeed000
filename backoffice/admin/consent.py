"""The way back from the accounting system's sign-in: its answer, the choice of an organisation, the link."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Flask, abort, current_app, flash, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy import select

from backoffice.admin.addresses import public_address
from backoffice.admin.audience import for_role
from backoffice.admin.company_base import number
from backoffice.admin.messages import say, show_error
from backoffice.errors import BackofficeError
from backoffice.extensions import db
from backoffice.models import Company, Connection, Role
from backoffice.queue import doorbell
from backoffice.sync import linking, open_book
from backoffice.sync.provider import Consent, Granted, Organisation, Provider

#: How long a person may take to choose an organisation, in seconds.
CHOICE_LASTS = 1800
#: Sign-ins begun in one browser and not yet ended, at most.
MOST_OPEN = 5


def remember(kept: Any, consent: Consent, key: str, company_id: int) -> None:
    """Keep in the person's session what the answer will be held against."""
    begun = dict(list((kept.get("consents") or {}).items())[1 - MOST_OPEN :])
    kept["consents"] = {**begun, consent.state: [key, consent.verifier, company_id]}


@for_role(Role.ADMINISTRATOR)
def callback(key: str) -> ResponseReturnValue:
    """The accounting system's answer."""
    state = request.args.get("state", "")
    begun = dict(session.get("consents") or {})
    known, verifier, company_id = begun.pop(state, (key, "", None))
    session["consents"] = begun
    provider = current_app.extensions["providers"].get(key)
    if provider is None or known != key:
        abort(404)
    if company_id is None:
        return lost(provider)
    db.session.rollback()
    address = public_address("oauth.callback", key=key)
    answer = f"{address}?{request.query_string.decode('ascii', 'replace')}"
    try:
        granted = provider.finish(address, answer, state, verifier)
    except BackofficeError as error:
        return failed(provider, company_id, error)
    return chosen_or_asked(provider, company_id, granted)


callback.writes = True  # type: ignore[attr-defined]


def lost(provider: Provider) -> ResponseReturnValue:
    """The sign-in was not begun in this browser."""
    why = "This sign-in was not begun in this browser, or it was used already."
    todo = f"Open Integrations and press Link to {provider.name} again."
    what = f"{provider.name} was not linked. {why}"
    return render_template("failure.html", framed=True, code=400, what=what, todo=todo), 400


def failed(provider: Provider, company_id: int, error: BackofficeError) -> ResponseReturnValue:
    """Back to the card, which says what went wrong."""
    show_error(f"{provider.name} was not linked.", error)
    return redirect(url_for("integrations.index", company=company_id), code=303)


def chosen_or_asked(provider: Provider, company_id: int, granted: Granted) -> ResponseReturnValue:
    """Link the one organisation that was chosen, or ask which of several.

    It asks too when nothing says that this one was chosen just now, and before another book is opened.
    """
    if granted.certain and len(granted.organisations) == 1:
        return link(provider, company_id, granted.organisations[0], granted.authorisation_id)
    return asked(provider, company_id, granted)


def asked(provider: Provider, company_id: int, granted: Granted) -> ResponseReturnValue:
    """The page that asks which organisation it is, or whether another book is to be opened."""
    g.company_id = company_id
    g.company = db.session.get(Company, company_id) or abort(404)
    found = granted.organisations
    kept = {"provider": provider.key, "company": company_id, "authorisation": granted.authorisation_id}
    sealed = seal().dumps({**kept, "organisations": [asdict(o) for o in found], "user": current_user.id})
    mine = select(Connection).where(Connection.company_id == company_id, Connection.provider == provider.key)
    known = {each.external_id: each for each in db.session.scalars(mine)}
    leaving = open_book.open_with(db.session(), company_id)
    another = found[0] if leaving and len(found) == 1 and not same(leaving, provider, found[0]) else None
    return render_template(
        "integrations/choose.html",
        provider=provider,
        organisations=found,
        sealed=sealed,
        known=known,
        leaving=leaving,
        another=another,
        certain=granted.certain,
    )


def same(connection: Connection, provider: Provider, organisation: Organisation) -> bool:
    """Whether a connection leads to this organisation."""
    return (connection.provider, connection.external_id) == (provider.key, organisation.external_id)


def seal() -> URLSafeTimedSerializer:
    """Signs what the page of choices carries, so that it comes back as it was."""
    return URLSafeTimedSerializer(str(current_app.secret_key), salt="organisations")


@for_role(Role.ADMINISTRATOR)
def choose() -> ResponseReturnValue:
    """The organisation that a person chose."""
    try:
        kept = seal().loads(request.form.get("sealed", ""), max_age=CHOICE_LASTS)
    except BadSignature:
        abort(400)
    picked = number(request.form.get("organisation"))
    provider = current_app.extensions["providers"].get(kept["provider"])
    if provider is None or kept["user"] != current_user.id:
        abort(400)
    if picked is None or picked > len(kept["organisations"]):
        flash("Choose one of the organisations, then link it.", "warning")
        return redirect(url_for("integrations.index", company=kept["company"]), code=303)
    organisation = Organisation(**kept["organisations"][picked - 1])
    return link(provider, kept["company"], organisation, kept["authorisation"], "another_book" in request.form)


def link(
    provider: Provider, company_id: int, organisation: Organisation, authorisation: int, another_book: bool = False
) -> ResponseReturnValue:
    """Link, start the first sync and show it; ask first where that opens another book."""
    session = db.session()
    try:
        _, job = linking.link(session, provider, company_id, organisation, authorisation, current_user.id, another_book)
    except linking.AnotherBookError:
        session.rollback()
        return asked(provider, company_id, Granted(authorisation, (organisation,)))
    except BackofficeError as error:
        session.rollback()
        return failed(provider, company_id, error)
    job_id = job.id
    doorbell.ring("run", job_id, urgent=True)
    said = f"{organisation.name} is linked. Its records are being brought in."
    say(said, url_for("sync_jobs.details", company=company_id, id=job_id), "See the job", "success")
    return redirect(url_for("integrations.index", company=company_id), code=303)


def register(app: Flask) -> None:
    """Put the way back on an application."""
    blueprint = Blueprint("oauth", __name__)
    blueprint.add_url_rule("/oauth/<key>/callback", "callback", callback)
    blueprint.add_url_rule("/oauth/choose", "choose", choose, methods=["POST"])
    app.register_blueprint(blueprint)
