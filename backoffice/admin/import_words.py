"""What an import did, or would do, in a sentence."""

from __future__ import annotations

from collections.abc import Mapping

from backoffice.imports.sorts import Sort
from backoffice.wording import counted


def told(sort: Sort, counts: Mapping[str, int]) -> str:
    """`488 bills added, 12 rows bad, 3 suppliers added`."""
    parts = [
        (counts.get("add", 0), f"{counted(counts.get('add', 0), sort.label)} added"),
        (counts.get("change", 0), f"{counted(counts.get('change', 0), sort.label)} changed"),
        (counts.get("here", 0), f"{counts.get('here', 0):,} here already"),
        (counts.get("bad", 0), f"{counts.get('bad', 0):,} bad and left out"),
        (counts.get("parties", 0), f"{counted(counts.get('parties', 0), sort.party or 'party')} made for them"),
    ]
    said = ", ".join(words for count, words in parts if count)
    return f"{said}." if said else "Nothing was imported."
