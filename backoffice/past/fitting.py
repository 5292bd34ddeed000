"""Whether a value that once stood there fits what is there now: names that are taken, records that went, money due."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from sqlalchemy import Column, String, func, select
from sqlalchemy.orm import Session

from backoffice.models import (
    RECORDS,
    Account,
    Connection,
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
    rules,
)
from backoffice.past.change import Change, is_reference

TABLES: dict[str, type[Record]] = {model.__tablename__: model for model in RECORDS}
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
            problem = _merged(session, found) or _gone(found, record.company_id)
            if problem:
                return problem
        return next((said for check in _checks(record, change) if (said := check(session, record, change, value))), "")


Check = Callable[[Session, Any, Change, Any], str]


def _checks(record: Record, change: Change) -> list[Check]:
    if change.line is not None:
        return [_line_fits]
    if isinstance(record, Document):
        return [_number_is_free, _rate_is_one]
    return CHECKS.get(record.kind, [])


def _gone(found: Record | None, company_id: int) -> str:
    if found is None or found.company_id != company_id:
        return "What it named is not here any more."
    return f"{found} is archived; restore it first." if found.archived else ""


def _merged(session: Session, found: Record | None) -> str:
    """Whose place another record has taken there, and which one."""
    if found is None:
        return ""
    mine = Connection.active, Link.kind == found.kind, Link.record_id == found.id
    into = session.scalar(select(Link.merged_into_id).join(Connection).where(*mine))
    return f"{found} was merged into {session.get(type(found), into)}." if into else ""


def _stands_alone(session: Session, record: Any, change: Change, value: Any) -> str:
    return _merged(session, record) if change.field == "archived" and not value else ""


def _name_is_free(session: Session, contact: Any, change: Change, value: Any) -> str:
    if change.field not in ("name", "archived") or value is True:
        return ""
    name = value if change.field == "name" else contact.name
    if not name:
        return "It cannot be empty."
    return rules.why_name_taken(session, contact, name)


def _number_is_free(session: Session, document: Any, change: Change, value: Any) -> str:
    if change.field not in ("name", "contact_id"):
        return ""
    name, party = document.name, document.contact_id
    name, party = (value, party) if change.field == "name" else (name, value)
    if not name:
        return ""
    model, company_id = type(document), document.company_id
    other = rules.number_holder(session, model, company_id, document.side, name, party, document.id)
    return f"{other.name} is here already; two cannot share a number." if other else ""


def _money_is_due(session: Session, payment: Any, change: Change, value: Any) -> str:
    if change.field != "amount":
        return ""
    document = payment.document
    left = dues.due(session, document, but=payment).left
    return rules.why_not_due(document, value, left, f"{left:,.2f} {document.currency or ''}".strip())


def _account_pays(session: Session, payment: Any, change: Change, value: Any) -> str:
    if change.field != "account_id" or not value:
        return ""
    paying = rules.paying_accounts(payment.company_id).where(Account.id == value)
    return "" if session.scalar(paying) else f"{session.get(Account, value)} takes no payments."


def _rate_is_one(_session: Session, _record: Any, change: Change, value: Any) -> str:
    return rules.why_no_rate(value) if change.field == "currency_rate" else ""


CHECKS: dict[str, list[Check]] = {
    Contact.kind: [_stands_alone, _name_is_free],
    Payment.kind: [_money_is_due, _account_pays, _rate_is_one],
}


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
