"""The log: one line an event, JSON where nobody sits at the terminal, and never the values of variables."""

from __future__ import annotations

import sys

import structlog


def configure() -> None:
    """Set the log up for this process. Tracebacks carry no variables: tokens live in those."""
    readable = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer() if readable else structlog.processors.JSONRenderer(),
        ],
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
