"""Closed periods: what is dated in one is neither made, changed nor taken back in Xero."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from backoffice.sync.books import Books
from backoffice.sync.mapper import Fact, Refusal


def locked(date: dt.date, books: Books, what: str, back: bool = False) -> Iterator[Refusal]:
    """Why nothing of this date goes, or (`back`) is taken back."""
    if books.locked_until is None or date > books.locked_until:
        return
    until = f"Xero's books are closed up to {books.locked_until:%-d %b %Y}"
    if back:
        words = (
            f"{until}, and {what} of {date:%-d %b %Y} cannot be taken back there. Have an adviser move the lock date."
        )
    else:
        words = f"{until}. Give {what} a later date, or have an adviser move the lock date in Xero."
    yield Refusal(words, "period_locked", "archived" if back else "date", fact=Fact("Organisation"))
