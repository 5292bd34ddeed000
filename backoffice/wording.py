"""One and many, as people write them."""

from __future__ import annotations


def plural(word: str) -> str:
    """More than one of it."""
    return f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"


def counted(count: int, word: str) -> str:
    """`1 record`, `2,000 records`."""
    return f"{count:,} {word if count == 1 else plural(word)}"
