"""Controls of what the organisations hold, as if it were changed in Xero's own screens: /_sandbox/organisations/..."""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from backoffice.sandbox.xero import organisations
from backoffice.sandbox.xero.control import answer_errors, json_body, organisation_of
from backoffice.sandbox.xero.days import written_day
from backoffice.sandbox.xero.office import Office
from backoffice.sandbox.xero.resources import RESOURCES
from backoffice.sandbox.xero.seed import seed_more
from backoffice.sandbox.xero.world import current

routes = Blueprint("control_data", __name__, url_prefix="/_sandbox/organisations")
ORGANISATION = "/<organisation>"
LOCK_DATES = ("PeriodLockDate", "EndOfYearLockDate")
answer_errors(routes)


@routes.get("")
def list_organisations() -> ResponseReturnValue:
    world = current()
    return [
        {"id": one.id, "short_code": one.short_code, "name": one.name, "currency": one.body["BaseCurrency"]}
        for one in organisations.every(world.store)
    ]


@routes.get(f"{ORGANISATION}/dump")
def dump(organisation: str) -> ResponseReturnValue:
    world = current()
    found = organisation_of(organisation)
    kinds = [one.name for one in RESOURCES.values() if one.name != "Organisations"]
    rest = {name: world.shelf(found.id, name).bodies() for name in kinds}
    return {"Organisations": [found.body], **rest}


@routes.patch(ORGANISATION)
def change_organisation(organisation: str) -> ResponseReturnValue:
    """Lock dates as YYYY-MM-DD, and whatever else GET /Organisation shows; a null takes a field away."""
    body = json_body()
    for field in LOCK_DATES:
        if body.get(field):
            body[field] = written_day(body[field])
    return organisations.rewrite(current().store, organisation_of(organisation), body).body


@routes.post(f"{ORGANISATION}/rotate")
def rotate(organisation: str) -> ResponseReturnValue:
    return {"id": organisations.rotate(current().store, organisation_of(organisation)).id}


@routes.post(f"{ORGANISATION}/<any(close, reopen):action>")
def close(organisation: str, action: str) -> ResponseReturnValue:
    """End its subscription, or renew it."""
    status = {"OrganisationStatus": "ARCHIVED" if action == "close" else "ACTIVE"}
    return organisations.rewrite(current().store, organisation_of(organisation), status).body


@routes.post(f"{ORGANISATION}/seed")
def seed_rows(organisation: str) -> ResponseReturnValue:
    seed_more(current(), organisation_of(organisation), json_body())
    return "", 204


def office(organisation: str, kind: str) -> Office:
    return Office(current(), organisation_of(organisation), kind.lower())


@routes.get(f"{ORGANISATION}/<kind>")
def list_rows(organisation: str, kind: str) -> ResponseReturnValue:
    return office(organisation, kind).shelf.bodies()


@routes.post(f"{ORGANISATION}/<kind>")
def add(organisation: str, kind: str) -> ResponseReturnValue:
    world = current()
    desk, body = office(organisation, kind), request.get_json()
    with world.store.transaction():
        return [desk.add(one) for one in (body if isinstance(body, list) else [body])], 201


@routes.post(f"{ORGANISATION}/<kind>/bulk")
def bulk(organisation: str, kind: str) -> ResponseReturnValue:
    body = json_body()
    changed = office(organisation, kind).bulk_edit(body["set"], body.get("ids"), body.get("first", -1))
    return {"changed": changed}


@routes.get(f"{ORGANISATION}/<kind>/<key>")
def read(organisation: str, kind: str, key: str) -> ResponseReturnValue:
    return office(organisation, kind).row(key).body


@routes.patch(f"{ORGANISATION}/<kind>/<key>")
def edit(organisation: str, kind: str, key: str) -> ResponseReturnValue:
    return office(organisation, kind).edit(key, json_body())


@routes.post(f"{ORGANISATION}/<kind>/<key>/edit-silently")
def edit_silently(organisation: str, kind: str, key: str) -> ResponseReturnValue:
    """An edit after which the row says that it was changed when it was changed before."""
    return office(organisation, kind).edit_silently(key, json_body())


@routes.post(f"{ORGANISATION}/<kind>/<key>/merge")
def merge(organisation: str, kind: str, key: str) -> ResponseReturnValue:
    """Merge a contact into another: `Into` is its id."""
    return office(organisation, kind).merge(key, str(json_body().get("Into", "")))


@routes.post(f"{ORGANISATION}/<kind>/<key>/archive")
def archive(organisation: str, kind: str, key: str) -> ResponseReturnValue:
    return office(organisation, kind).archive(key)


@routes.post(f"{ORGANISATION}/<kind>/<key>/restore")
def restore(organisation: str, kind: str, key: str) -> ResponseReturnValue:
    return office(organisation, kind).restore(key)


@routes.post(f"{ORGANISATION}/<kind>/<key>/<any(submit, approve, void, bill, delete):action>")
def act(organisation: str, kind: str, key: str, action: str) -> ResponseReturnValue:
    """What a person does with a document; fields may come along."""
    return office(organisation, kind).act(key, action, request.get_json(silent=True))


@routes.post(f"{ORGANISATION}/<kind>/<key>/pay")
def pay(organisation: str, kind: str, key: str) -> ResponseReturnValue:
    return office(organisation, kind).pay(key, request.get_json(silent=True)), 201


@routes.post(f"{ORGANISATION}/<kind>/<key>/allocations")
def allocate(organisation: str, kind: str, key: str) -> ResponseReturnValue:
    return office(organisation, kind).allocate(key, json_body()), 201


@routes.delete(f"{ORGANISATION}/<kind>/<key>/allocations/<allocation>")
def deallocate(organisation: str, kind: str, key: str, allocation: str) -> ResponseReturnValue:
    return office(organisation, kind).deallocate(key, allocation)


@routes.delete(f"{ORGANISATION}/<kind>/<key>")
def delete(organisation: str, kind: str, key: str) -> ResponseReturnValue:
    office(organisation, kind).delete(key)
    return "", 204


@routes.post(f"{ORGANISATION}/<kind>/<key>/options")
def add_option(organisation: str, kind: str, key: str) -> ResponseReturnValue:
    desk = office(organisation, kind)
    desk.option(key, None, json_body())
    return desk.row(key).body, 201


@routes.patch(f"{ORGANISATION}/<kind>/<key>/options/<option>")
def edit_option(organisation: str, kind: str, key: str, option: str) -> ResponseReturnValue:
    desk = office(organisation, kind)
    desk.option(key, option, json_body())
    return desk.row(key).body


@routes.delete(f"{ORGANISATION}/<kind>/<key>/options/<option>")
def delete_option(organisation: str, kind: str, key: str, option: str) -> ResponseReturnValue:
    office(organisation, kind).option(key, option, None)
    return "", 204
