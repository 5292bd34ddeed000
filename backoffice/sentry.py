"""Failures of the program, reported to a Sentry where one is named: what failed and where, and nobody's data."""

from __future__ import annotations

import json
from typing import Any

import sentry_sdk
from sentry_sdk.types import Event, Hint
from structlog.contextvars import get_contextvars

from backoffice.censor import censored
from backoffice.config import Settings

#: What is reported, whatever else the SDK collects: not the request, not who asked, nothing that people typed.
KEPT = {
    "event_id", "timestamp", "level", "logger", "platform", "exception", "message", "logentry", "transaction",
    "release", "environment", "sdk", "type",
}  # fmt: skip


def start(settings: Settings) -> None:
    """Report from here on; does nothing where no address is set."""
    if not settings.sentry_dsn:
        return
    sentry_sdk.init(
        settings.sentry_dsn.get_secret_value(),
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        trace_propagation_targets=[],  # nothing of ours on calls to others
        before_send=stripped,
    )


def stripped(event: Event, _hint: Hint) -> Event:
    """A report with the failure and the ids of its lines in the log, and nothing that looks like a secret."""
    kept: Any = {name: value for name, value in event.items() if name in KEPT}
    kept["tags"] = {name: str(value) for name, value in get_contextvars().items()}
    strict: Event = json.loads(censored(json.dumps(kept, default=str)))
    return strict
