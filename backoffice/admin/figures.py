"""Figures as people type them: read exactly, or turned down in a sentence; never guessed, never rounded."""

from __future__ import annotations

import re
from decimal import Decimal

PLAIN = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
#: Thousands set apart: by commas before a point or more than once, or by blanks.
GROUPED = re.compile(
    r"[+-]?[0-9]{1,3}(?:(?:,[0-9]{3})+\.[0-9]*|(?:,[0-9]{3}){2,}|(?:[ \u00a0\u202f][0-9]{3})+(?:\.[0-9]*)?)"
)
ONE_COMMA = re.compile(r"([+-]?[0-9]+),([0-9]+)")
BLANKS = re.compile(r"[, \u00a0\u202f]")
LONGEST = 40
#: A quantity or a price is smaller than this.
LARGEST = Decimal(10) ** 9


class FigureError(ValueError):
    """This is not a number."""


def figure(text: str, places: int, largest: Decimal = LARGEST) -> Decimal:
    """A number with so many decimals at most. Raises: FigureError with a sentence for the person who typed it."""
    typed = text.strip()
    if len(typed) > LONGEST:
        raise FigureError("This number is too long.")
    found = Decimal(_plain(typed))
    if abs(found) > largest:
        raise FigureError(f"This number is too large; the most is {largest:,f}.")
    if found != round(found, places):
        kept = "no decimals" if places == 0 else f"at most {places} decimal places"
        raise FigureError(f"This has too many decimals: {kept}.")
    return round(found, places)


def _plain(typed: str) -> str:
    if PLAIN.fullmatch(typed):
        return typed
    if GROUPED.fullmatch(typed):
        return BLANKS.sub("", typed)
    comma = ONE_COMMA.fullmatch(typed)
    if comma is None:
        raise FigureError("This is not a number. Write it like 1234.50.")
    whole, rest = comma.groups()
    if len(rest) == 3:
        raise FigureError(f"This may be read in two ways: write {whole}{rest}, or {whole}.{rest} with a point.")
    raise FigureError(f"Write the decimals behind a point: {whole}.{rest}.")


def typed_figure(number: Decimal | None) -> str:
    """A number as a field of a form shows it: with the places it needs and no more."""
    return "" if number is None else f"{number.normalize():f}"
