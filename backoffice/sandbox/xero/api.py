"""The accounting API's front door: token, tenant, scope, limits, idempotency; then the resource answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial

from flask import Blueprint, Response, g, request

from backoffice.sandbox.xero import answers, connections, scopes
from backoffice.sandbox.xero.bearer import claims_of
from backoffice.sandbox.xero.call import Call, Reply
from backoffice.sandbox.xero.faults import LIMITS, Fault
from backoffice.sandbox.xero.idempotency import remembered
from backoffice.sandbox.xero.limits import Refused
from backoffice.sandbox.xero.organisations import Organisation, find
from backoffice.sandbox.xero.resource import Resource
from backoffice.sandbox.xero.resources import RESOURCES
from backoffice.sandbox.xero.tokens import Claims
from backoffice.sandbox.xero.world import World, current

PREFIX = "/api.xro/2.0"
# What fits into a query string at Xero's front; a list of IDs runs into it at about 52.
MAX_QUERY = 2_048
SERVER_ERROR = "<!DOCTYPE html><html><body><h1>An error occurred in Xero. Check the API Status page.</h1></body></html>"


routes = Blueprint("api", __name__, url_prefix=PREFIX)


@routes.route("/<path:path>", methods=["GET", "PUT", "POST", "DELETE"])
def api(path: str) -> Response:
    world = current()
    if len(request.query_string) > MAX_QUERY:
        raise answers.not_found()
    claims = claims_of(world, request)
    organisation = _tenant(world, claims)
    resource, action, keys = _route(request.method, path)
    _check_scope(resource, action, claims)
    fault: Fault | None = g.get("fault")
    _enter(world, organisation, claims, fault)
    try:
        act = partial(_act, resource, action, keys)
        return _answer(world, claims, organisation, fault, act)
    finally:
        world.limits.leave(organisation.id)


def _act(resource: Resource, action: str, keys: list[str], call: Call) -> Reply:
    if len(call.data) > resource.max_body(action):
        raise answers.RefusalError(413, "The request is too large.", answers.TEXT)
    reply: Reply = getattr(resource, action)(call, *keys)
    return reply


def _answer(
    world: World, claims: Claims, organisation: Organisation, fault: Fault | None, act: Callable[[Call], Reply]
) -> Response:
    """Let the resource answer, once for each idempotency key."""
    world.faults.wait(world.settings.latency_ms / 1000)
    if fault and fault.kind == "slow":
        world.faults.wait(fault.seconds)
    client = world.settings.client(claims.client)
    call = Call(
        world=world,
        organisation=organisation,
        provider=client.name if client else claims.client,
        parameters={name.lower(): value for name, value in request.args.items()},
        modified_since=request.headers.get("If-Modified-Since"),
        data=request.get_data(),
        content_type=request.content_type or "",
        root=f"{request.host_url.rstrip('/')}{PREFIX}",
        unpaged=fault is not None and fault.kind == "unpaged",
    )

    def once() -> Reply:
        if fault and fault.kind == "500":
            return Reply(SERVER_ERROR, 500, answers.HTML)
        try:
            return act(call)
        except answers.RefusalError as refusal:
            return Reply(refusal.body, refusal.status, refusal.content_type)

    reply = remembered(world, organisation.id, once)
    if reply.content_type == answers.JSON and not _wants_json():
        return Response(answers.as_xml(json.loads(reply.body)), reply.status, content_type="text/xml; charset=utf-8")
    # Halves of characters go out as they were planted: this plays a hostile provider as well.
    raw = reply.body.encode("utf-8", "surrogatepass") if isinstance(reply.body, str) else reply.body
    return Response(raw, reply.status, content_type=reply.content_type)


def _tenant(world: World, claims: Claims) -> Organisation:
    """The organisation that the call names and the client is connected to; a custom connection has just one."""
    mine = [one.organisation for one in connections.of(world, claims.client, claims.person)]
    named = request.headers.get("xero-tenant-id", "").lower()
    if not named and not claims.person and len(mine) == 1:
        named = mine[0]
    organisation = find(world.store, named) if named in mine else None
    fault: Fault | None = g.get("fault")
    if organisation is None or organisation.closed or (fault and fault.kind == "forbidden"):
        raise answers.forbidden()
    g.limit_headers = lambda: world.limits.headers(organisation.id, claims.client)
    return organisation


def _route(method: str, path: str) -> tuple[Resource, str, list[str]]:
    """`TrackingCategories/{id}/Options` is the resource, the method for `…/id/Options`, and the ids."""
    name, *rest = path.strip("/").split("/")
    resource = RESOURCES.get(name.casefold())
    if resource is None:
        raise answers.not_found()
    shape = "/".join([method, *("id" if at % 2 == 0 else part.title() for at, part in enumerate(rest))])
    if shape not in resource.verbs:
        raise answers.not_found()
    return resource, resource.verbs[shape], rest[::2]


def _check_scope(resource: Resource, action: str, claims: Claims) -> None:
    if not scopes.allowed(claims.scopes, resource.scopes_for(action), write=request.method != "GET"):
        raise answers.unauthorized(
            "AuthorizationUnsuccessful", {"WWW-Authenticate": 'Bearer realm="xero", error="insufficent_scope"'}
        )


def _enter(world: World, organisation: Organisation, claims: Claims, fault: Fault | None) -> None:
    if fault and fault.kind in LIMITS:
        raise _too_many(world.limits.forced(fault.kind, organisation.id))
    refused = world.limits.enter(organisation.id, claims.client)
    if refused:
        raise _too_many(refused)


def _too_many(refused: Refused) -> answers.RefusalError:
    """Nothing in the body, not even a content type; how long to wait, but for the concurrent limit."""
    headers = {"X-Rate-Limit-Problem": refused.problem}
    if refused.retry_after is not None:
        headers["Retry-After"] = str(refused.retry_after)
    if refused.problem == "minute":
        headers["X-MinLimit-Remaining"] = "0"
    if refused.problem == "day":
        headers["X-DayLimit-Remaining"] = "0"
    return answers.RefusalError(429, "", None, headers)


def _wants_json() -> bool:
    return "json" in request.headers.get("Accept", "")
