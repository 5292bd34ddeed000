"""Controls of the webhooks of apps: register, deliver now, hold back, repeat, shuffle: /_sandbox/webhooks/..."""

from __future__ import annotations

from flask import Blueprint, current_app, request
from flask.typing import ResponseReturnValue

from backoffice.sandbox.xero import webhooks
from backoffice.sandbox.xero.control import BadControlError, answer_errors, json_body
from backoffice.sandbox.xero.office import MissingError
from backoffice.sandbox.xero.sender import Sender, sender_of
from backoffice.sandbox.xero.shelf import Json
from backoffice.sandbox.xero.world import current

routes = Blueprint("control_webhooks", __name__, url_prefix="/_sandbox/webhooks")
WEBHOOK = "/<client>"
answer_errors(routes)


@routes.get("")
def listed() -> ResponseReturnValue:
    return [_shown(webhook) for webhook in webhooks.every(current())]


@routes.put(WEBHOOK)
def register(client: str) -> ResponseReturnValue:
    """`{"address": …, "categories": […], "held": true}`; the intent to receive is asked for by itself, below."""
    world, body = current(), json_body()
    categories = body.get("categories", list(webhooks.CATEGORIES))
    if world.settings.client(client) is None:
        raise MissingError(f"client {client}")
    if not set(categories) <= set(webhooks.CATEGORIES):
        raise BadControlError(f"The categories are {', '.join(webhooks.CATEGORIES)}.")
    try:
        webhooks.register(world, client, str(body.get("address", "")), categories)
    except webhooks.NoAddressError:
        raise BadControlError("An address begins with http:// or https://.") from None
    webhooks.change(world, client, held=int(bool(body.get("held"))))
    return _shown(_known(client)), 201


@routes.patch(WEBHOOK)
def hold(client: str) -> ResponseReturnValue:
    """`{"held": true}` keeps back what happens from now on; `false` lets it go."""
    _known(client)
    webhooks.change(current(), client, held=int(bool(json_body().get("held"))))
    return _shown(_known(client))


@routes.delete(WEBHOOK)
def remove(client: str) -> ResponseReturnValue:
    _known(client)
    webhooks.remove(current(), client)
    return "", 204


@routes.post(f"{WEBHOOK}/intent")
def intent(client: str) -> ResponseReturnValue:
    _known(client)
    return {"problem": _sender().intent(client)}


@routes.post(f"{WEBHOOK}/deliver")
def deliver(client: str) -> ResponseReturnValue:
    """Deliver all that waits, now: `{"size": 50, "shuffle": true}`."""
    _known(client)
    body = request.get_json(silent=True) or {}
    size = int(body.get("size", webhooks.BATCH))
    return [each.shown() for each in _sender().deliver_all(client, size, bool(body.get("shuffle")))]


@routes.post(f"{WEBHOOK}/repeat")
def repeat(client: str) -> ResponseReturnValue:
    """Send the last deliveries again: `{"last": 3}`."""
    _known(client)
    return [
        each.shown() for each in _sender().repeat(client, int((request.get_json(silent=True) or {}).get("last", 1)))
    ]


def _sender() -> Sender:
    return sender_of(current_app)


def _known(client: str) -> webhooks.Webhook:
    found = webhooks.of(current(), client)
    if found is None:
        raise MissingError(f"webhook of {client}")
    return found


def _shown(webhook: webhooks.Webhook) -> Json:
    deliveries = [each.shown() for each in _sender().recent(webhook.client)]
    waiting = len(webhooks.waiting(current(), webhook.client))
    return {**webhook.shown(), "waiting": waiting, "deliveries": deliveries}
