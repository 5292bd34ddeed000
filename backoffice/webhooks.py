"""Where accounting systems deliver what was changed there: checked, put down, and answered at once with nothing.

A provider switches off a webhook whose deliveries fail. So whatever is signed is taken, however odd it looks, and
nothing that guards the pages stands in its way: no session, no token of a form, no throttle.
"""

from __future__ import annotations

from flask import Blueprint, Flask, Response, abort, current_app, request
from sqlalchemy.exc import DBAPIError, IntegrityError
from werkzeug.exceptions import RequestEntityTooLarge

from backoffice import outage
from backoffice.errors import LostKeyError
from backoffice.extensions import csrf, db, limiter
from backoffice.queue import doorbell
from backoffice.sync import notice_board, webhook
from backoffice.sync.provider import Notices, Provider

#: Far beyond any delivery, in bytes.
LARGEST = 4 * 1024 * 1024


def register(app: Flask) -> None:
    """Put the door on an application."""
    blueprint = Blueprint("webhooks", __name__)
    blueprint.add_url_rule("/webhooks/<key>", "receive", receive, methods=["POST"])
    blueprint.add_url_rule("/webhooks/<key>/", "slashed", receive, methods=["POST"])
    csrf.exempt(blueprint)
    limiter.exempt(blueprint)
    app.register_blueprint(blueprint)


def receive(key: str) -> Response:
    """One delivery: 200 when it is signed, 401 when it is not."""
    provider: Provider | None = current_app.extensions["providers"].get(key)
    if provider is None or not provider.notifies:
        abort(404)
    try:
        return _answer(_taken(provider, _body()))
    except RequestEntityTooLarge:
        return _answer(413)
    except LostKeyError as error:
        return _later(error.message)
    except DBAPIError as error:
        said = outage.words(error)
        if said is None:
            raise
        return _later(said)


receive.public = receive.machine = True  # type: ignore[attr-defined]


def _later(why: str) -> Response:
    """It is delivered again."""
    db.session.rollback()
    current_app.logger.error("a delivery could not be put down: %s", why)
    return _answer(503)


def _body() -> bytes:
    """Raises: RequestEntityTooLarge."""
    request.max_content_length = LARGEST
    return request.get_data(cache=False)


def _taken(provider: Provider, raw: bytes) -> int:
    """The status that a delivery is answered with."""
    session = db.session()
    kept = webhook.signing_key(session, provider)
    notices = provider.notices(raw, request.headers.get(provider.signature_header, ""), kept) if kept else None
    if notices is None:
        webhook.count(session, provider, refused=1)
        session.commit()
        return 401
    _put_down(provider, notices)
    return 200


def _put_down(provider: Provider, notices: Notices) -> None:
    session = db.session()
    try:
        told, strangers = notice_board.put_up(session, provider, notices.told)
    except IntegrityError:
        session.rollback()  # a company was deleted just now; its organisation is a stranger's by the next look
        told, strangers = notice_board.put_up(session, provider, notices.told)
    webhook.count(session, provider, delivered=1, unknown=strangers, odd=notices.odd)
    session.commit()
    for connection_id in sorted(told):
        doorbell.ring("notices", connection_id, once_in=current_app.extensions["settings"].webhook_seconds)


def _answer(status: int) -> Response:
    """Nothing but a status; even the sort of content would say that there is some."""
    response = Response(status=status)
    del response.headers["Content-Type"]
    return response
