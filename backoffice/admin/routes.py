"""The routes by role: every address of the application, and who may ask it what. Made from the code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flask import Flask

from backoffice.admin.audience import Open, audience
from backoffice.models import Role

#: What is asked of views; HEAD is GET without its body, and OPTIONS reaches no view.
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
VISITORS = ("anonymous", *(role.value for role in reversed(Role)))


@dataclass(frozen=True)
class Route:
    """One address with one method."""

    address: str
    method: str
    endpoint: str
    #: Who may ask it; None where nobody has said so.
    who: Open | Role | None
    #: Whether it belongs to one company, and is not found by people to whom that is closed.
    of_company: bool

    def admits(self, role: Role | None) -> bool:
        """Whether somebody of a role gets in; None is nobody who is signed in."""
        if isinstance(self.who, Role):
            return role is not None and role.covers(self.who)
        return self.who is not None


def routes(app: Flask) -> Iterator[Route]:
    """Every address with every method that it takes, in the order of the alphabet."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, rule.endpoint)):
        view = app.view_functions[rule.endpoint]
        for method in METHODS:
            if method in (rule.methods or ()):
                who = audience(rule.endpoint, view, method)
                yield Route(rule.rule, method, rule.endpoint, who, "company" in rule.arguments)


def table(app: Flask) -> str:
    """The routes by role, as a page of Markdown."""
    head = ("address", "method", *VISITORS, "to whom the company is closed")
    rows = (head, ("---",) * len(head), *(_row(route) for route in routes(app)))
    lines = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"# Routes by role\n\n{LEAD}\n\n{lines}\n"


def _row(route: Route) -> tuple[str, ...]:
    admitted = [route.admits(None), *(route.admits(role) for role in reversed(Role))]
    marks = ["itself" if route.who is Open.MACHINES else "yes" if yes else "" for yes in admitted]
    outside = "not found" if route.of_company else ""
    return f"`{route.address}`", route.method, *marks, outside


LEAD = """Made by `make routes` from what the views say of themselves; the tests try every line of it with everybody.
*Yes*: the request reaches the view, which may still refuse what is asked. Blank: sign-in for the anonymous, *You are
not allowed to do this* (403) for the others. *Itself*: for machines, who is signed in matters not; webhooks need a
signature and the metrics a token, the probes nothing. Administrators enter every company; others may be limited to
some, and find no page of the rest (404). Every POST needs the token of its session, but those of machines."""
