"""The log: one line an event, JSON where nobody sits at the terminal, and never the values of variables.

Everything goes through the standard library's logging: our own lines, and those of gunicorn, RQ and all the others.
"""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.types import EventDict, Processor

from backoffice.censor import censored

#: Whose lines are written from INFO on; those of all others from WARNING on.
TALKATIVE = ("backoffice", "jobs", "rq.worker")


def _to_record(_logger: object, _method: str, event: EventDict) -> EventDict:
    """An event of ours as a record of the standard library's; its words stay together, so that none can collide."""
    kept = {name: event.pop(name) for name in ("exc_info", "stack_info") if name in event}
    return {"msg": event.pop("event"), "extra": {"said": event}, **kept}


def _with_what_was_said(_logger: object, _method: str, event: EventDict) -> EventDict:
    return {**event, **getattr(event["_record"], "said", {})}


#: What every line carries: the ids it belongs to, how grave it is, who wrote it, when.
EACH: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    _with_what_was_said,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


class Output(logging.StreamHandler):  # type: ignore[type-arg]
    """Standard error, whatever that is at the time."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


class Lines(ProcessorFormatter):
    """Makes a line of an event. Tracebacks carry no variables: tokens live in those."""

    def __init__(self, readable: bool) -> None:
        last: list[Processor] = [ProcessorFormatter.remove_processors_meta, structlog.processors.format_exc_info]
        last.append(structlog.dev.ConsoleRenderer() if readable else structlog.processors.JSONRenderer(default=str))
        super().__init__(processors=last, foreign_pre_chain=EACH)

    def format(self, record: logging.LogRecord) -> str:
        return censored(super().format(record))


def configure() -> None:
    """Set the log up for this process."""
    structlog.configure(
        processors=[_to_record],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for old in [handler for handler in root.handlers if isinstance(handler, Output)]:
        root.removeHandler(old)
    output = Output()
    output.setFormatter(Lines(readable=sys.stderr.isatty()))
    root.addHandler(output)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.INFO)
