"""The developer's page of an app's webhook: where it delivers to, its key, and how the last deliveries went."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from backoffice.sandbox.xero import webhooks
from backoffice.sandbox.xero.sender import sender_of
from backoffice.sandbox.xero.world import current

routes = Blueprint("webhook_pages", __name__, url_prefix="/webhooks")
#: What each state of a webhook is called.
WORDS = {"new": "Intent to receive required", "ok": "OK", "off": "Switched off: deliveries failed for a day"}


@routes.app_template_filter("moment")
def moment(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"


@routes.get("")
def index() -> str:
    world, sender = current(), sender_of(current_app)
    found = {webhook.client: webhook for webhook in webhooks.every(world)}
    return render_template(
        "webhooks.html",
        clients=world.settings.clients,
        webhooks=found,
        categories=webhooks.CATEGORIES,
        words=WORDS,
        waiting={client: len(webhooks.waiting(world, client)) for client in found},
        deliveries={client: sender.recent(client) for client in found},
    )


@routes.post("/<client>")
def save(client: str) -> ResponseReturnValue:
    world, form = current(), request.form
    if world.settings.client(client) is None:
        abort(404)
    chosen = [name for name in webhooks.CATEGORIES if name in form.getlist("category")]
    try:
        webhooks.register(world, client, form.get("address", "").strip(), chosen)
        flash("Saved. Give the app its webhooks key, then send the intent to receive.")
    except webhooks.NoAddressError:
        flash("This was not saved: an address begins with http:// or https://.")
    return redirect(url_for("webhook_pages.index"))


@routes.post("/<client>/<any(intent, deliver, repeat, hold, remove):action>")
def act(client: str, action: str) -> ResponseReturnValue:
    world, sender = current(), sender_of(current_app)
    webhook = webhooks.of(world, client)
    if webhook is None:
        abort(404)
    if action == "intent":
        problem = sender.intent(client)
        flash(f"Intent to receive: {problem or 'OK'}.")
    elif action == "deliver":
        flash(f"Deliveries made: {len(sender.deliver_all(client))}.")
    elif action == "repeat":
        flash(f"Deliveries repeated: {len(sender.repeat(client))}.")
    elif action == "hold":
        webhooks.change(world, client, held=int(not webhook.held))
    else:
        webhooks.remove(world, client)
    return redirect(url_for("webhook_pages.index"))
