"""What lies in front of every provider endpoint: counting, fault switches, refusals, compression, cut lines."""

from __future__ import annotations

import gzip
import json
import uuid

from flask import Flask, Response, g, request

from backoffice.sandbox.xero import answers
from backoffice.sandbox.xero.faults import LIMITS, Fault
from backoffice.sandbox.xero.shelf import dump
from backoffice.sandbox.xero.world import World, current

PLAYED = ("/api.xro/", "/connect/", "/connections")
WORTH_PACKING = 512
# Set for the server, which then closes the line instead of answering.
CUT = "sandbox.cut"
OFFLINE = "The Organisation is offline"
HTML_PAGE = "<!DOCTYPE html><html><body><h1>Please wait while we check your browser</h1></body></html>"


def install(app: Flask) -> None:
    """Hang the gateway in front of the application."""
    app.before_request(_arrive)
    app.after_request(_leave)
    app.register_error_handler(answers.RefusalError, _refuse)


def _arrive() -> Response | None:
    if not request.path.startswith(PLAYED):
        return None
    world = current()
    world.stats.asked(request.method, request.path, request.headers.get("Idempotency-Key"))
    g.fault = world.faults.take(request.method, request.path)
    return _before(world, g.fault) if g.fault else None


def _refuse(refusal: answers.RefusalError) -> Response:
    response = Response(refusal.body, refusal.status, refusal.headers, content_type=refusal.content_type)
    if refusal.content_type is None:
        del response.headers["Content-Type"]
    return response


def _leave(response: Response) -> Response:
    if not request.path.startswith(PLAYED):
        return response
    response.headers.setdefault("Xero-Correlation-Id", str(uuid.uuid4()))
    if "limit_headers" in g:
        for name, value in g.limit_headers().items():
            response.headers.setdefault(name, value)
    if g.get("fault"):
        _after(g.fault, response)
    _pack(response)
    current().stats.answered(response.status_code, len(response.get_data()))
    return response


def _before(world: World, fault: Fault) -> Response | None:
    """Faults that come before anything is done."""
    if fault.kind == "cut-before":
        request.environ[CUT] = True
        return Response(status=500)
    if fault.kind == "503":
        return Response(fault.text or OFFLINE, 503, content_type=answers.TEXT)
    if not request.path.startswith("/api.xro/"):
        return _identity(world, fault)
    return None


def _identity(world: World, fault: Fault) -> Response | None:
    """Outside the accounting API there is no tenant whose limits could tell more."""
    if fault.kind == "500":
        return Response("", 500, content_type=answers.HTML)
    if fault.kind == "slow":
        world.faults.wait(fault.seconds)
    if fault.kind in LIMITS:
        return Response("", 429, {"Retry-After": "10"})
    return None


def _after(fault: Fault, response: Response) -> None:
    """Faults of an answer to something that was done."""
    if fault.kind == "cut-after":
        request.environ[CUT] = True
    if not response.is_json or response.status_code >= 400:
        return
    text = response.get_data(as_text=True)
    if fault.kind == "truncated":
        response.set_data(text[: len(text) // 2])
    elif fault.kind == "html":
        response.set_data(HTML_PAGE)
        response.content_type = answers.HTML
    elif fault.kind == "empty-body":
        response.set_data("")
    elif fault.kind == "empty-list":
        response.set_data(_emptied(text))


def _emptied(text: str) -> str:
    """The same answer with every list in it empty."""
    body = json.loads(text)
    if isinstance(body, list):
        return "[]"
    return dump({key: [] if isinstance(value, list) else value for key, value in body.items()})


def _pack(response: Response) -> None:
    data = response.get_data()
    if len(data) < WORTH_PACKING or "gzip" not in request.headers.get("Accept-Encoding", ""):
        return
    response.set_data(gzip.compress(data, compresslevel=1))
    response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
