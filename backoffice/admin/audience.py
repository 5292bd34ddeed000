"""Who each view is for: said on the view or on its page, kept by one guard before each request, printed as a table."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeVar

from backoffice.admin.company_base import Page
from backoffice.models import Role

View = TypeVar("View", bound=Callable[..., Any])


class Open(StrEnum):
    """Who needs not be signed in."""

    EVERYBODY = "everybody"
    #: They prove themselves in another way: a signature.
    MACHINES = "machines"


def public(view: View) -> View:
    """Mark a view that needs nobody to be signed in."""
    view.public = True  # type: ignore[attr-defined]
    return view


def for_role(role: Role) -> Callable[[View], View]:
    """Mark a view that is for people of a role, whatever its page says of the others."""

    def mark(view: View) -> View:
        view.role = role  # type: ignore[attr-defined]
        return view

    return mark


def for_writers(view: View) -> View:
    """Mark a form that only those are shown who may send it."""
    view.for_writers = True  # type: ignore[attr-defined]
    return view


def audience(endpoint: str, view: Any, method: str) -> Open | Role | None:
    """Who may ask a view with a method; None where nobody has said so, and then nobody may."""
    if endpoint == "static" or endpoint.endswith(".static"):
        return Open.EVERYBODY
    if getattr(view, "public", False):
        return Open.MACHINES if getattr(view, "machine", False) else Open.EVERYBODY
    page = getattr(view, "__self__", None)
    own: Role | None = getattr(view, "role", None)
    if own is not None or not isinstance(page, Page):
        return own
    return page.role_for("POST" if getattr(view, "for_writers", False) else method)
