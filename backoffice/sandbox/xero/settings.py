"""What can be set on a sandbox: its size, its limits, its clients and its people."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

ScopeMode = Literal["granular", "legacy"]


@dataclass(frozen=True)
class Client:
    """An app registered with the sandbox.

    `organisation` is the position of the one organisation that a custom connection is bound to; None for a web app.
    Without `redirect_uris` any address of an allowed form may be used.
    """

    id: str
    secret: str
    name: str
    redirect_uris: tuple[str, ...] = ()
    organisation: int | None = None


@dataclass(frozen=True)
class Person:
    """Someone who can sign in and consent; the password is for play and is shown on the form."""

    id: str
    given_name: str
    family_name: str
    email: str
    password: str = "play"  # noqa: S105 - not a secret: it is printed on the page

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}"


PEOPLE = (
    Person("5b3d5a3e-0d0c-4c1e-9a55-3f8a3b1c0a01", "Ana", "Ferreira", "ana@demo.example"),
    Person("5b3d5a3e-0d0c-4c1e-9a55-3f8a3b1c0a02", "Tom", "Whitaker", "tom@demo.example"),
)
CLIENTS = (
    Client("demo-client", "demo-secret", "Back office"),
    Client("demo-custom", "demo-custom-secret", "Back office (custom connection)", organisation=0),
)


@dataclass
class Settings:
    """How the sandbox behaves; those that are not about seeding may be changed while it runs."""

    organisations: int = 2
    contacts: int = 500
    items: int = 200
    documents: int = 11
    seed: int = 7
    latency_ms: int = 0
    minute_limit: int = 60
    day_limit: int = 5000
    page_limit: int = 1000
    concurrent_limit: int = 5
    app_minute_limit: int = 10_000
    scope_mode: ScopeMode = "granular"
    connection_cap: int | None = None
    bulk_connections: bool = False
    clients: tuple[Client, ...] = field(default=CLIENTS)
    people: tuple[Person, ...] = field(default=PEOPLE)

    def client(self, client_id: str) -> Client | None:
        return next((client for client in self.clients if client.id == client_id), None)

    def person(self, person_id: str) -> Person | None:
        return next((person for person in self.people if person.id == person_id), None)


# What /_sandbox/settings may change while the sandbox runs.
CHANGEABLE = (
    "latency_ms",
    "minute_limit",
    "day_limit",
    "page_limit",
    "concurrent_limit",
    "app_minute_limit",
    "scope_mode",
    "connection_cap",
    "bulk_connections",
)
