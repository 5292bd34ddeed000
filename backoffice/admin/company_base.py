"""The company in the URL, and who may see and do what: the base of every page."""

from __future__ import annotations

from typing import Any, NoReturn

from flask import Flask, abort, current_app, g, request
from flask.typing import ResponseReturnValue
from flask_admin import Admin, BaseView
from flask_admin.theme import Bootstrap4Theme
from flask_login import current_user
from sqlalchemy import select
from werkzeug.exceptions import NotFound

from backoffice.extensions import db
from backoffice.models import Company, Role

LARGEST_ID = 2**63 - 1


class NotHereError(NotFound):
    """What was asked for is not there, and the page says what it was."""


class Page(BaseView):
    """A page for people who are signed in. Reading needs one role, and every request that writes another."""

    read_role = Role.VIEWER
    write_role = Role.OPERATOR
    #: Whether the menu has an entry for it.
    in_menu = True

    def is_accessible(self) -> bool:
        """Whether the menu shows it; who may do what there, the guard says (audience.py)."""
        return bool(current_user.is_authenticated and current_user.may(self.read_role))

    def role_for(self, method: str) -> Role:
        """The role that a request needs."""
        return self.read_role if method in ("GET", "HEAD", "OPTIONS") else self.write_role

    def inaccessible_callback(self, name: str, **kwargs: Any) -> ResponseReturnValue:
        abort(403)

    @property
    def may_write(self) -> bool:
        """Whether the person who looks at the page may use its buttons."""
        return bool(current_user.is_authenticated and current_user.may(self.write_role))

    def _run_view(self, view: Any, *args: Any, **kwargs: Any) -> Any:
        # Flask-Admin calls a view a second time, differently, when it raises a TypeError: no mistake shows then.
        return view(self, *args, **kwargs)


class OneHouse(Admin):
    """Flask-Admin with templates of ours and a menu whose addresses are made anew for each request."""

    def __init__(self, app: Flask, url: str, index_view: BaseView, endpoint: str) -> None:
        theme = Bootstrap4Theme(base_template="frame.html")
        super().__init__(app, name="Back office", url=url, index_view=index_view, endpoint=endpoint, theme=theme)

    def add_view(self, view: BaseView) -> None:
        super().add_view(view)
        view.menu._cache = False

    @property
    def views(self) -> list[BaseView]:
        """The pages, in the order of the menu."""
        return list(self._views)


def company_admin(app: Flask, overview: BaseView) -> OneHouse:
    """The pages of one company, whose number stands in their address."""
    app.url_value_preprocessor(_take_company)
    app.url_defaults(_put_company)
    return OneHouse(app, "/c/<int:company>", overview, "company")


def house_admin(app: Flask, front_door: BaseView) -> OneHouse:
    """The pages that belong to no company, and Flask-Admin's own files."""
    return OneHouse(app, "/", front_door, "house")


def _take_company(endpoint: str | None, values: dict[str, Any] | None) -> None:
    if values and "company" in values:
        g.company_id = values.pop("company")


def _put_company(endpoint: str, values: dict[str, Any]) -> None:
    if "company" not in values and "company_id" in g and current_app.url_map.is_endpoint_expecting(endpoint, "company"):
        values["company"] = g.company_id


def load_company() -> None:
    """Before each request: the company in the address, or a page that says there is none.

    One that is closed to the person is not found, here and in every other question about companies (models/reach.py).
    """
    if "company_id" not in g:
        return
    wanted = g.pop("company_id")
    g.company = company_with(wanted)
    g.company_id = wanted


def company_with(key: int | None) -> Company:
    """The company with this number, if it can still be used; else a page that says why not."""
    company = db.session.scalar(select(Company).where(Company.id == min(key or 0, LARGEST_ID)))
    if company is None:
        raise NotHereError("There is no such company here.")
    if company.deletion_id is not None:
        raise NotHereError(f"{company.name} is being deleted.")
    return company


def here() -> Company:
    """The company whose page this is."""
    company: Company = g.company
    return company


def not_found(what: str) -> NoReturn:
    """Say that a thing is not there, whoever's it may be."""
    raise NotHereError(f"There is no such {what} in {here().name}.")


def page_number() -> int:
    """Which page of a list the address asks for; the first is 0."""
    return min(max(request.args.get("page", 0, type=int), 0), 100_000)


def number(text: Any) -> int | None:
    """A row's number as it stands in an address; None for what cannot be one."""
    try:
        value = int(text)
    except (TypeError, ValueError):
        return None
    return value if 0 < value <= LARGEST_ID else None
