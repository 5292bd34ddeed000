"""Each web request: its id, which its answer carries, and one line in the log when it is answered."""

from __future__ import annotations

from time import perf_counter

import structlog
from flask import Flask, Response, current_app, g, request
from structlog.contextvars import clear_contextvars

from backoffice import trace

log = structlog.get_logger()

HEADER = "X-Request-Id"
#: What machines ask for all the time.
SILENT = {"healthz", "readyz", "metrics", "static", "house.static"}


def register(app: Flask) -> None:
    """Let every request of an application have its id."""
    app.before_request(_begin)
    app.after_request(_answered)
    app.teardown_request(_end)


def _begin() -> None:
    """An id that came with the request counts only where a proxy of ours stands in front."""
    trusted = current_app.extensions["settings"].trusted_proxies
    g.request_id = trace.begin(request.headers.get(HEADER) if trusted else None)
    g.began = perf_counter()


def _answered(response: Response) -> Response:
    """The line names the rule of the address, not the address: that may hold a one-time link, or a code."""
    if "request_id" in g:
        response.headers[HEADER] = g.request_id
        if request.endpoint not in SILENT:
            milliseconds = round((perf_counter() - g.began) * 1000)
            rule = request.url_rule.rule if request.url_rule else None
            where = {"company": g.company_id} if "company_id" in g else {}
            log.info(
                "answered", method=request.method, rule=rule, status=response.status_code, ms=milliseconds, **where
            )
    return response


def _end(_error: BaseException | None) -> None:
    clear_contextvars()
