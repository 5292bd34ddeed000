"""What is kept encrypted, in whatever table: put under the newest key, and named where no key opens it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, Row, Text, literal, select, tuple_, type_coerce, update
from sqlalchemy.orm import Session

from backoffice.database import Base, Encrypted, keyring
from backoffice.errors import LostKeyError

#: Values in one transaction.
BATCH = 100
#: What somebody wrote meanwhile is looked at again; whoever keeps writing under an older key has that key alone.
PASSES = 3

#: A value as it stands in the database, behind the key of its row.
Value = Row[*tuple[Any, ...]]


@dataclass
class Keys:
    """How many values are under which key: the newest, an older one, or none that is there."""

    newest: int = 0
    older: int = 0
    renewed: int = 0
    #: What each of the lost ones is, and what to do about it.
    lost: list[str] = field(default_factory=list)


def columns() -> list[Column[Any]]:
    """Every column of every table whose values are encrypted."""
    return [c for table in Base.metadata.sorted_tables for c in table.columns if isinstance(c.type, Encrypted)]


def look(session: Session) -> Keys:
    """See which key each value is under."""
    return _each(session, lambda _column, _row, _renewed: False)


def rotate(session: Session) -> Keys:
    """Put every value under the newest key. Commits batch by batch; a value that is written meanwhile stays as written.

    What is left under an older key was written meanwhile by a process that does not know the newest one.
    """
    renewed = 0
    for _ in range(PASSES):
        found = _each(session, lambda column, row, new: _replace(session, column, row, new))
        found.renewed = renewed = renewed + found.renewed
        if not found.older:
            break
    return found


def _each(session: Session, replace: Callable[[Column[Any], Value, str], bool]) -> Keys:
    found = Keys()
    for column in columns():
        for rows in _batches(session, column):
            for row in rows:
                _weigh(session, column, row, replace, found)
            session.commit()
    found.lost = list(dict.fromkeys(found.lost))
    return found


def _weigh(
    session: Session,
    column: Column[Any],
    row: Value,
    replace: Callable[[Column[Any], Value, str], bool],
    found: Keys,
) -> None:
    try:
        renewed = keyring.renew(row.kept)
    except LostKeyError:
        found.lost.append(_what(session, column, row))
        return
    if renewed is None:
        found.newest += 1
    elif replace(column, row, renewed):
        found.newest, found.renewed = found.newest + 1, found.renewed + 1
    else:
        found.older += 1


def _batches(session: Session, column: Column[Any]) -> Iterator[Sequence[Value]]:
    """The values as they stand in the database, with the keys of their rows, in the order of these."""
    key = list(column.table.primary_key)
    query = select(*key, type_coerce(column, Text).label("kept")).where(column.is_not(None)).order_by(*key).limit(BATCH)
    rows: Sequence[Value] = session.execute(query).all()
    while rows:
        yield rows
        last = tuple_(*map(literal, tuple(rows[-1])[:-1]))
        rows = session.execute(query.where(tuple_(*key) > last)).all()


def _replace(session: Session, column: Column[Any], row: Value, renewed: str) -> bool:
    """Write it, unless the value is another one by now."""
    mine = (each == value for each, value in zip(column.table.primary_key, row[:-1], strict=True))
    same = type_coerce(column, Text) == row.kept
    changed = update(column.table).where(*mine, same).values({column: literal(renewed, Text)}).returning(literal(1))
    return session.execute(changed).first() is not None


def _what(session: Session, column: Column[Any], row: Value) -> str:
    model = next(mapper.class_ for mapper in Base.registry.mappers if mapper.local_table is column.table)
    said: str = session.get_one(model, tuple(row[:-1])).if_unreadable
    return said
