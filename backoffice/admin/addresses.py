"""Addresses: those that are given to the outside, and where a request may send a person on to."""

from __future__ import annotations

from typing import Any

from flask import current_app, request, url_for


def public_address(endpoint: str, **values: Any) -> str:
    """A page of ours as people outside reach it: by the deployment's own name, whatever name the request gave."""
    return f"{current_app.extensions['settings'].public_url.rstrip('/')}{url_for(endpoint, **values)}"


def return_to(otherwise: str, argument: str = "url") -> str:
    """Where the person came from or wanted to go, if that is a page of ours."""
    wanted = request.values.get(argument, "")
    plain = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
    return wanted if plain else otherwise
