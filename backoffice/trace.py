"""What a line of the log belongs to: the web request that it began with, and from there through queue and worker."""

from __future__ import annotations

import re
import uuid

from structlog.contextvars import bind_contextvars, bound_contextvars, clear_contextvars, get_contextvars

#: Ids as proxies and people make them; anything else would write into a log what it likes.
WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{8,64}")

#: Name what the lines of a block are about besides.
about = bound_contextvars


def begin(given: object = None) -> str:
    """Forget what came before; lines from here on carry this id, or a new one where it is none."""
    return resume(given) or str(resume(uuid.uuid4().hex))


def resume(given: object) -> str | None:
    """Forget what came before; lines from here on carry this id, if it is one."""
    clear_contextvars()
    if not isinstance(given, str) or not WELL_FORMED.fullmatch(given):
        return None
    bind_contextvars(request=given)
    return given


def request_id() -> str | None:
    """The id of the web request that all this goes back to; None where nobody asked."""
    found = get_contextvars().get("request")
    return found if isinstance(found, str) else None
