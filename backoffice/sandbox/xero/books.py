"""What documents refer to in one organisation: accounts, tax rates, items, tracking; each read once per call."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from backoffice.sandbox.xero.shelf import Json, Row, Shelf


class Books:
    """Finds by code or name, and remembers, so that a batch of fifty bills asks for each account once."""

    def __init__(self, shelf: Callable[[str], Shelf]) -> None:
        self._shelf = shelf
        self._known: dict[tuple[str, str], Json | None] = {}

    def account(self, code: str) -> Json | None:
        return self._once("Accounts", code, self._shelf("Accounts").by_number)

    def account_by_id(self, account_id: str) -> Json | None:
        return self._once("AccountID", account_id, self._shelf("Accounts").get)

    def tax_rate(self, tax_type: str) -> Json | None:
        return self._once("TaxRates", tax_type, self._shelf("TaxRates").get)

    def item(self, code: str) -> Json | None:
        return self._once("Items", code, self._shelf("Items").by_number)

    @cached_property
    def currencies(self) -> set[str]:
        return {body["Code"] for body in self._shelf("Currencies").bodies()}

    @cached_property
    def categories(self) -> list[Json]:
        return self._shelf("TrackingCategories").bodies()

    def _once(self, kind: str, key: str, find: Callable[[str], Row | None]) -> Json | None:
        place = (kind, key.casefold())
        if place not in self._known:
            row = find(key)
            self._known[place] = row.body if row else None
        return self._known[place]
