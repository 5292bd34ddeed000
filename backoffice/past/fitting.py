"""Whether a value that once stood there fits what is there now: names that are taken, records that went, money due."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Column, String, func, select
from sqlalchemy.orm import Session

from backoffice.database import folded
from backoffice.models import (
    RECORDS,
    Account,
    Contact,
    Document,
    Item,
    Link,
    Payment,
    Record,
    Side,
    TaxMapping,
    TaxRate,
    TrackingOption,
    dues,
)
from backoffice.models.number import holders
from backoffice.past.change import Change, is_reference

TABLES: dict[str, type[Record]] = {model.__tablename__: model for model in RECORDS}
SENT = "{} is in {} already and cannot be changed; void it and record it anew."
#: The years that people may mean, as the forms take them.
YEARS = range(1900, 2201)


def unkept(column: Column[Any], value: Any) -> str:
    """Why a column cannot keep a value; empty if it can."""
    if value is None:
        return "" if column.nullable else "It cannot be empty."
    if isinstance(column.type, String) and column.type.length and len(value) > column.type.length:
        return f"It is too long: {column.type.length} characters at most."
    if isinstance(value, date) and value.year not in YEARS:
        return f"The year {value.year} cannot be right."
    return ""


def why_unfit(session: Session, record: Record, change: Change, value: Any) -> str:
    """Why a value cannot stand there again; empty if it can."""
    with session.no_autoflush:
        column = change.column(record)
        if column is not None and is_reference(column) and value is not None:
            found = session.get(TABLES[next(iter(column.foreign_keys)).column.table.name], value)
            problem = _gone(found, record.company_id)
            if problem:
                return problem
        return next((said for check in _checks(record, change) if (said := check(session, record, change, value))), "")


Check = Callable[[Session, Any, Change, Any], str]


def _checks(record: Record, change: Change) -> list[Check]:
    if change.line is not None:
        return [_line_fits]
    if isinstance(record, Document):
        return [_number_is_free]
    return CHECKS.get(record.kind, [])


def _gone(found: Record | None, company_id: int) -> str:
    if found is None or found.company_id != company_id:
        return "What it named is not here any more."
    return f"{found} is archived; restore it first." if found.archived else ""


def _name_is_free(session: Session, contact: Any, change: Change, value: Any) -> str:
    if change.field not in ("name", "archived") or value is True:
        return ""
    name = value if change.field == "name" else contact.name
    if not name:
        return "It cannot be empty."
    taken = select(Contact).where(
        Contact.company_id == contact.company_id,
        Contact.name_key == folded(name)[:255],
        Contact.archived.is_(False),
        Contact.id != contact.id,
    )
    other = session.scalar(taken.limit(1))
    return f"Another active contact is called {other.name}. Change one of the two names first." if other else ""


def _number_is_free(session: Session, document: Any, change: Change, value: Any) -> str:
    if change.field not in ("name", "contact_id"):
        return ""
    name, party = document.name, document.contact_id
    name, party = (value, party) if change.field == "name" else (name, value)
    if not name:
        return ""
    key = type(document).number_key(document.side, name, party)
    found = holders(session, type(document), document.company_id, [name]).get(key, [])
    other = next((one for one in found if one.id != document.id), None)
    return f"{other.name} is here already; two cannot share a number." if other else ""


def _money_is_due(session: Session, payment: Any, change: Change, value: Any) -> str:
    if change.field != "amount":
        return ""
    left = dues.due(session, payment.document, but=payment).left
    return "" if Decimal(0) < value <= left else f"Only {left:,} is due on {payment.document}."


def _account_pays(session: Session, payment: Any, change: Change, value: Any) -> str:
    account = session.get(Account, value) if change.field == "account_id" and value else None
    return "" if account is None or account.pays else f"{account} takes no payments."


CHECKS: dict[str, list[Check]] = {Contact.kind: [_name_is_free], Payment.kind: [_money_is_due, _account_pays]}


# Lines: what they name has to be there, as on the form.


def _line_fits(session: Session, document: Any, change: Change, value: Any) -> str:
    _, column = change.line or (0, None)
    if not value:
        return ""
    if column in ("tracking_1_id", "tracking_2_id"):
        return _one_a_category(session, change.holder(document), str(column), value)
    named = {"item_code": _item, "account_code": _account, "tax_code": _tax}.get(str(column))
    return named(session, document, value) if named else ""


def _one_a_category(session: Session, line: Any, column: str, value: Any) -> str:
    beside = getattr(line, "tracking_2_id" if column == "tracking_1_id" else "tracking_1_id")
    chosen = [session.get(TrackingOption, key) for key in (value, beside) if key]
    both = len(chosen) == 2 and chosen[0] and chosen[1] and chosen[0].category_id == chosen[1].category_id
    return "A line has one option of each category." if both else ""


def _item(session: Session, document: Any, code: str) -> str:
    query = select(Item.id).where(
        Item.company_id == document.company_id, func.lower(Item.code) == code.lower(), Item.archived.is_(False)
    )
    return "" if session.scalar(query.limit(1)) else f"There is no active item with the code {code}."


def _account(session: Session, document: Any, code: str) -> str:
    query = select(Account.id).where(
        Account.company_id == document.company_id,
        Account.code == code,
        Account.archived.is_(False),
        Account.takes_lines,
    )
    return "" if session.scalar(query.limit(1)) else f"There is no active account {code} that takes lines."


def _tax(session: Session, document: Any, code: str) -> str:
    side = document.side or Side.SALES
    ours = select(TaxMapping.id).where(
        TaxMapping.company_id == document.company_id, TaxMapping.side == side, TaxMapping.code == code
    )
    theirs = select(TaxRate.id).where(
        TaxRate.company_id == document.company_id, TaxRate.code == code, TaxRate.archived.is_(False), TaxRate.fits(side)
    )
    found = session.scalar(ours.limit(1)) or session.scalar(theirs.limit(1))
    return "" if found else f"There is no tax code {code} for this side any more."


def payment_frozen(session: Session, payment: Payment, provider: str) -> str:
    """Why a payment cannot be changed; empty if it can."""
    if payment.archived:
        return f"{payment} is voided, and stays as it is."
    sent = Link.external_id.is_not(None) | Link.attempt_id.is_not(None)
    known = select(Link.id).where(Link.kind == payment.kind, Link.record_id == payment.id, sent)
    if session.scalar(known.limit(1)) is not None:
        return SENT.format(payment, provider)
    return "" if isinstance(payment.document, Document) else "Only what pays a document is changed here."
