"""What the next page says on top: a toast, with a link where there is something to see; a card for a problem."""

from __future__ import annotations

from typing import Any

from flask import flash

from backoffice.errors import BackofficeError, ConfigurationError


def say(text: str, url: str, link: str, category: str = "info") -> None:
    """A toast with a link."""
    told: Any = {"text": text, "url": url, "link": link}
    flash(told, category)


def show_problem(what: str, why: str = "", todo: str = "", raw: str = "") -> None:
    """A card: what happened, why, what to do, and the provider's own words."""
    card: Any = {"what": what, "why": why, "todo": todo, "raw": raw}
    flash(card, "problem")


def show_error(what: str, error: BackofficeError, todo: str = "") -> None:
    """A card for an error that knows its own words."""
    if not todo and isinstance(error, ConfigurationError):
        todo = "Whoever runs this deployment has to do that."
    show_problem(what, error.message, todo, getattr(error, "raw", ""))
