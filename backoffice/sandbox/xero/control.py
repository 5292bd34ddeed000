"""Controls for tests and demonstrations, under /_sandbox/: JSON, for everybody."""

from __future__ import annotations

import uuid
from dataclasses import fields as dataclass_fields
from datetime import datetime
from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from backoffice.sandbox.xero import answers, connections, oauth, organisations, tokens
from backoffice.sandbox.xero.faults import KINDS, Fault
from backoffice.sandbox.xero.fields import InvalidError
from backoffice.sandbox.xero.office import MissingError, messages
from backoffice.sandbox.xero.organisations import Organisation
from backoffice.sandbox.xero.settings import CHANGEABLE
from backoffice.sandbox.xero.unconfirmed import UNCONFIRMED
from backoffice.sandbox.xero.world import current

SCOPE = (
    "openid profile email offline_access accounting.contacts accounting.settings accounting.invoices"
    " accounting.payments accounting.attachments"
)


class BadControlError(Exception):
    """A control was used with something that it does not know."""


routes = Blueprint("control", __name__, url_prefix="/_sandbox")
SETTABLE = {one.name for one in dataclass_fields(Fault)} - {"id", "hits"}


@routes.get("/stats")
def show_stats() -> ResponseReturnValue:
    world = current()
    limits = world.limits
    return {
        **world.stats.shown(),
        "in_flight": limits.in_flight(),
        "max_in_flight": limits.max_in_flight,
        "refused": dict(limits.refused),
    }


@routes.delete("/stats")
def reset_stats() -> ResponseReturnValue:
    world = current()
    world.stats.reset()
    world.limits.reset_counts()
    return "", 204


@routes.delete("/limits")
def reset_limits() -> ResponseReturnValue:
    current().limits.reset()
    return "", 204


@routes.get("/unconfirmed")
def list_unconfirmed() -> ResponseReturnValue:
    return [{"what": what, "where": where} for what, where in UNCONFIRMED]


@routes.get("/faults")
def list_faults() -> ResponseReturnValue:
    return {"faults": current().faults.listed(), "kinds": KINDS}


@routes.post("/faults")
def add_fault() -> ResponseReturnValue:
    world = current()
    body = json_body()
    if set(body) - SETTABLE or body.get("kind") not in KINDS:
        raise BadControlError(f"A fault has {', '.join(sorted(SETTABLE))}; its kind is one of {', '.join(KINDS)}.")
    return {"id": world.faults.add(Fault(**body)).id}, 201


@routes.delete("/faults")
def clear_faults() -> ResponseReturnValue:
    current().faults.clear()
    return "", 204


@routes.delete("/faults/<int:fault_id>")
def remove_fault(fault_id: int) -> ResponseReturnValue:
    world = current()
    if not world.faults.remove(fault_id):
        raise MissingError(f"fault {fault_id}")
    return "", 204


@routes.get("/clock")
def show_clock() -> ResponseReturnValue:
    return {"now": current().clock.now().isoformat(), "fixed": current().clock.fixed}


@routes.post("/clock")
def set_clock() -> ResponseReturnValue:
    world = current()
    body = json_body()
    if body.get("reset"):
        world.clock.reset()
    if "set" in body:
        world.clock.set(_moment(body["set"]), fixed=bool(body.get("fixed")))
    if "advance" in body:
        world.clock.advance(float(body["advance"]))
    return show_clock()


@routes.get("/settings")
def show_settings() -> ResponseReturnValue:
    return {name: getattr(current().settings, name) for name in CHANGEABLE}


@routes.patch("/settings")
def change_settings() -> ResponseReturnValue:
    world = current()
    body = json_body()
    if set(body) - set(CHANGEABLE):
        raise BadControlError(f"These can be changed: {', '.join(CHANGEABLE)}.")
    for name, value in body.items():
        setattr(world.settings, name, value)
    return show_settings()


@routes.get("/connections")
def list_connections() -> ResponseReturnValue:
    return [{**one.shown(), "client": one.client, "person": one.person} for one in connections.every(current())]


@routes.delete("/connections")
def remove_connections() -> ResponseReturnValue:
    world = current()
    for one in connections.every(world):
        connections.remove(world, one.id)
    return "", 204


@routes.delete("/connections/<key>")
def remove_connection(key: str) -> ResponseReturnValue:
    world = current()
    if not connections.remove(world, key):
        raise MissingError(f"connection {key}")
    return "", 204


@routes.post("/tokens")
def issue_tokens() -> ResponseReturnValue:
    """A consent without the pages: the token endpoint's answer, and the connections made."""
    world = current()
    body = json_body()
    client = world.settings.client(body.get("client", world.settings.clients[0].id))
    person = world.settings.person(body.get("person", world.settings.people[0].id))
    if client is None or person is None:
        raise BadControlError("There is no such client or person.")
    wanted = [organisation_of(key).id for key in body.get("organisations", ["1"])]
    event = str(uuid.uuid4())
    for organisation in wanted:
        connections.connect(world, client.id, person.id, organisation, event)
    answer = tokens.issue(world, tokens.Grant(client, person, body.get("scope", SCOPE), event))
    mine = connections.of(world, client.id, person.id)
    return {"token": answer, "connections": [one.shown() for one in mine if one.event == event]}, 201


@routes.post("/revoke")
def revoke() -> ResponseReturnValue:
    """The person takes back everything the client was given."""
    world = current()
    body = json_body()
    client = body.get("client", world.settings.clients[0].id)
    oauth.revoke_all(world, client, body.get("person", world.settings.people[0].id))
    return "", 204


def organisation_of(key: str) -> Organisation:
    found = organisations.find(current().store, key)
    if found is None:
        raise MissingError(f"organisation {key}")
    return found


def json_body() -> dict[str, Any]:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise BadControlError("A JSON object was expected.")
    return body


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise BadControlError("A time needs its zone.")
    return moment


def _missing(error: MissingError) -> ResponseReturnValue:
    return {"errors": [f"There is no {error}."]}, 404


def _bad(error: BadControlError) -> ResponseReturnValue:
    return {"errors": [str(error)]}, 400


def _invalid(error: InvalidError) -> ResponseReturnValue:
    return {"errors": error.messages}, 400


def _refused(error: answers.RefusalError) -> ResponseReturnValue:
    return {"errors": messages(error)}, error.status


def answer_errors(controls: Blueprint) -> None:
    """Errors of a control are JSON too."""
    controls.register_error_handler(MissingError, _missing)
    controls.register_error_handler(BadControlError, _bad)
    controls.register_error_handler(InvalidError, _invalid)
    controls.register_error_handler(answers.RefusalError, _refused)


answer_errors(routes)
