"""What became of each record of a batch, as Xero's answer says it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from backoffice.errors import UnreadableError
from backoffice.models import Line
from backoffice.providers.xero import answers, refusals
from backoffice.providers.xero.shape import NOBODY, XeroMapper
from backoffice.sync.mapper import Mapper, Payload, Refusal
from backoffice.sync.provider import Outcome


def outcomes(
    mapper: XeroMapper, action: str, payloads: Sequence[Payload], rows: Sequence[Payload]
) -> Sequence[Outcome]:
    """Each row of the answer beside what was sent in its place.

    Raises: UnreadableError when they do not belong together.
    """
    if len(rows) != len(payloads):
        raise UnreadableError
    return [_outcome(mapper, action, sent, row) for sent, row in zip(payloads, rows, strict=True)]


def _outcome(mapper: XeroMapper, action: str, sent: Payload, row: Payload) -> Outcome:
    if any(answers.said(row)) or row.get("StatusAttributeString") == "ERROR":
        return refused(mapper, row)
    found = row.get(mapper.id_key)
    same = found == sent.get(mapper.id_key) if action == "update" else mapper.found(sent, row)
    if not same or not isinstance(found, str) or found == NOBODY:
        raise UnreadableError
    return Outcome(payload=row, warnings=_warnings(row))


def refused(mapper: Mapper, row: Payload) -> Outcome:
    """A record that was turned down: why, and the column to mend."""
    refusal = refusals.explain("\n".join(answers.said(row)), mapper.kind)
    lines = row.get("LineItems")
    if isinstance(lines, list) and lines and all(isinstance(line, dict) for line in lines):
        refusal = replace(refusal, column=_of_line(refusal, lines))
    return Outcome(refusal=refusal)


def _of_line(refusal: Refusal, lines: Sequence[Payload]) -> str | None:
    """The column to mend of the line that is meant: one that carries a message, or holds the code that is quoted."""
    for number, line in enumerate(lines, start=1):
        if any(answers.said(line)):
            return f"lines.{number}.{(refusal.column or 'description').rpartition('.')[2]}"
    if refusal.column not in Line.content:
        return refusal.column
    quoted = set(re.findall(r"'([^']+)'", refusal.raw))
    meant = [n for n, line in enumerate(lines, start=1) if quoted & {v for v in line.values() if isinstance(v, str)}]
    meant = meant or [1] * (len(lines) == 1)
    return f"lines.{meant[0]}.{refusal.column}" if meant else "lines"


def _warnings(row: Payload) -> tuple[str, ...]:
    found = row.get("Warnings")
    listed = found if isinstance(found, list) else []
    return tuple(str(each["Message"]) for each in listed if isinstance(each, dict) and each.get("Message"))
