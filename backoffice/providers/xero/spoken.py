"""What the log says of each call to Xero: which list, and what came of it; not what was asked, or by which token."""

from __future__ import annotations

import structlog

from backoffice.errors import TransientError
from backoffice.providers.http import Answer, Request, Wire

log = structlog.get_logger()


def sent(wire: Wire, request: Request, token: str, root: str) -> Answer:
    """Send a request to the API at `root`. Raises: as the wire does."""
    resource = request.url.removeprefix(root).split("/")[1]
    line = log.bind(provider="xero", method=request.method, resource=resource)
    try:
        answer = wire.send(request, token)
    except TransientError as error:
        line.warning("call without an answer", error=error.message)
        raise
    line.info("call", status=answer.status, correlation=correlation_of(answer))
    return answer


def correlation_of(answer: Answer) -> str | None:
    """Xero's own name of an answer, which its support asks for."""
    return answer.headers.get("Xero-Correlation-Id", "")[:64] or None
