"""Set aside: the book of another organisation, to look at; and its contacts, to be copied into the open book."""

from __future__ import annotations

from dataclasses import dataclass

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy import Select, select

from backoffice.admin.company_base import Page, here, not_found, number
from backoffice.admin.words import kind_label
from backoffice.database import folded
from backoffice.extensions import db
from backoffice.models import KINDS, Connection, Contact, Link, Record
from backoffice.models.book import EVERY_BOOK
from backoffice.sync import open_book
from backoffice.wording import counted

PER_PAGE = 100
#: So many of what waited are named.
NAMED = 50
#: What the organisation itself has said of a contact; the next one says it anew.
THEIRS = {"is_supplier": False, "is_customer": False}


@dataclass(frozen=True)
class Waited:
    """A record that was to be sent when its book was set aside."""

    kind: str
    record: Record


class SetAsideView(Page):
    """One book that rests."""

    in_menu = False

    def __init__(self) -> None:
        super().__init__("Set aside", "Sync", endpoint="set_aside", url="set-aside")

    @expose("/", methods=("GET", "POST"))
    def index(self) -> ResponseReturnValue:
        book = self._book()
        if request.method == "POST":
            return self._copy(book)
        search = request.args.get("search", "").replace("\0", "").strip()[:100]
        page = min(number(request.args.get("page")) or 0, 10_000)
        query = contacts(book).where(Contact.archived.is_(False))
        if search:
            query = query.where(Contact.name_key.contains(folded(search), autoescape=True))
        rows = _read(query.order_by(Contact.name_key, Contact.id).offset(page * PER_PAGE).limit(PER_PAGE + 1))
        return self.render(
            "integrations/set_aside.html",
            book=book,
            counts={KINDS[kind]: n for kind, n in self._counts(book).items()},
            waited=waited(book),
            rows=rows[:PER_PAGE],
            here_too=self._here_too(rows),
            more=len(rows) > PER_PAGE,
            page=page,
            search=search,
        )

    def _copy(self, book: Connection) -> ResponseReturnValue:
        """Make contacts of the open book of those that were ticked; they travel as every new one does."""
        ids = [key for key in map(number, request.form.getlist("rowid")) if key]
        chosen = _read(contacts(book).where(Contact.id.in_(ids)).order_by(Contact.id))
        taken = self._here_too(chosen)
        copied = [copy(contact) for contact in chosen if contact.name_key not in taken]
        db.session.add_all(copied)
        db.session.commit()
        if copied:
            said = counted(len(copied), "contact")
            flash(
                f"{said} copied into the open book. What is in its organisation already is linked, not doubled.",
                "success",
            )
        if len(copied) < len(chosen):
            flash(f"{counted(len(chosen) - len(copied), 'contact')} of the same name here already.", "warning")
        if not chosen:
            flash("Tick at least one contact.", "warning")
        return redirect(url_for("set_aside.index", book=book.id), code=303)

    def _here_too(self, rows: list[Contact]) -> set[str]:
        """The names of these that the open book has as well."""
        keys = {row.name_key for row in rows}
        query = select(Contact.name_key).where(Contact.company_id == here().id, Contact.name_key.in_(keys))
        return set(db.session.scalars(query))

    def _counts(self, book: Connection) -> dict[str, int]:
        tables = {model.table().name: kind for kind, model in KINDS.items()}
        found = open_book.resting(db.session(), here().id).get(book.id, {})
        return {tables[name]: count for name, count in found.items() if name in tables}

    def _book(self) -> Connection:
        key = number(request.values.get("book"))
        found = db.session.get(Connection, key) if key else None
        if found is None or found.company_id != here().id or found.active:
            not_found("book")
        return found


def contacts(book: Connection) -> Select[Contact]:
    """The contacts that rest in a book."""
    return select(Contact).where(Contact.company_id == book.company_id, Contact.book_id == book.id)


def _read(query: Select[Contact]) -> list[Contact]:
    return list(db.session.scalars(query, execution_options=EVERY_BOOK))


def copy(contact: Contact) -> Contact:
    """A contact of the open book with the same values, but for what only the other organisation has said."""
    values = {column: getattr(contact, column) for column in Contact.business_columns()} | THEIRS
    values["supplier_here"] = contact.supplier_here or contact.is_supplier
    values["customer_here"] = contact.customer_here or contact.is_customer
    return Contact(company_id=contact.company_id, **values)


def waited(book: Connection) -> list[Waited]:
    """What was still to be sent when the book was set aside."""
    links = select(Link.kind, Link.record_id).where(Link.connection_id == book.id, Link.pending, ~Link.paused)
    found = []
    for kind, record_id in db.session.execute(links.order_by(Link.changed_at, Link.id).limit(NAMED)):
        model = KINDS[kind]
        query = select(model).where(model.id == record_id, model.book_id == book.id)
        if (record := db.session.scalar(query, execution_options=EVERY_BOOK)) is not None:
            found.append(Waited(kind_label(kind), record))
    return found
