"""The database: exact column types, how transactions of either sort wait, and the base of all models."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import Any, cast

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import (
    BigInteger,
    Connection,
    DateTime,
    Dialect,
    Engine,
    Enum,
    Integer,
    MetaData,
    Table,
    Text,
    event,
    text,
)
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator

from backoffice.errors import ConfigurationError, LostKeyError

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
#: A row's number: 64 bits, except where SQLite insists on its own INTEGER.
RowId = BigInteger().with_variant(Integer(), "sqlite")


class UTCDateTime(TypeDecorator[datetime]):
    """A moment: aware in Python, UTC in the database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs its time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Exact(TypeDecorator[Decimal]):
    """A decimal number with a fixed number of places, kept as a whole number: exact on every database."""

    impl = BigInteger
    cache_ok = True

    def __init__(self, places: int) -> None:
        super().__init__()
        self.places = places

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        if value is None:
            return None
        scaled = Decimal(value).scaleb(self.places)
        if scaled != scaled.to_integral_value():
            raise ValueError(f"{value} has more than {self.places} decimal places")
        if abs(scaled) >= 2**63:
            raise ValueError(f"{value} is too large to be kept")
        return int(scaled)

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value).scaleb(-self.places)


class Keyring:
    """The keys that encrypt what is secret in the database; the newest one encrypts, all of them decrypt."""

    def __init__(self) -> None:
        self._fernet: MultiFernet | None = None
        self._newest: Fernet | None = None

    def load(self, keys: tuple[str, ...]) -> None:
        fernets = [Fernet(key) for key in keys]
        self._fernet, self._newest = MultiFernet(fernets), fernets[0]

    def encrypt(self, text: str) -> str:
        return self._keys().encrypt(text.encode()).decode()

    def decrypt(self, token: str) -> str:
        """Raises: LostKeyError when no key of the ring fits."""
        try:
            return self._keys().decrypt(token.encode()).decode()
        except InvalidToken as error:
            raise LostKeyError from error

    def renew(self, token: str) -> str | None:
        """The same under the newest key; None where it is already. Raises: LostKeyError when no key fits."""
        keys = self._keys()
        assert self._newest is not None, "it is one of the keys"
        try:
            self._newest.decrypt(token.encode())
        except InvalidToken:
            self.decrypt(token)
            return keys.rotate(token.encode()).decode()
        return None

    def _keys(self) -> MultiFernet:
        if self._fernet is None:
            raise ConfigurationError("ENCRYPTION_KEYS must be set before tokens can be kept.")
        return self._fernet


keyring = Keyring()


class Encrypted(TypeDecorator[str]):
    """Text that only this deployment can read.

    Its columns are deferred: where no key opens a value any more, whoever asks for it hears so, and nobody else.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else keyring.encrypt(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else keyring.decrypt(value)


def choice(of: type[StrEnum], name: str) -> Enum:
    """A column type for one word of a list, checked by the database."""
    return Enum(
        of,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=20,
        values_callable=lambda words: [word.value for word in words],
    )


class Base(DeclarativeBase):
    """What every table of ours inherits."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {datetime: UTCDateTime}

    @classmethod
    def table(cls) -> Table:
        """The table itself, for statements in bulk."""
        return cast(Table, cls.__table__)

    @property
    def if_unreadable(self) -> str:
        """What it is, and what to do when no key opens what is kept encrypted of it."""
        return f"A row of {self.__tablename__}: enter its secret again."


def folded(text: str | None) -> str:
    """A name as it is compared: without regard to case, width or doubled spaces."""
    return " ".join(unicodedata.normalize("NFKC", text or "").casefold().split())


_reading: ContextVar[bool] = ContextVar("reading", default=False)


def read_only(yes: bool) -> None:
    """Whether transactions begun from here on only read, and so need no write lock on SQLite."""
    _reading.set(yes)


@contextmanager
def only_reading(session: Session) -> Iterator[Session]:
    """A transaction that only reads, and ends with the block."""
    read_only(True)
    try:
        yield session
    finally:
        session.rollback()
        read_only(False)


def prepare_sqlite(engine: Engine) -> None:
    """Give SQLite a write-ahead log, foreign keys, patience, all letters, and a lock at the start of each write.

    A deferred transaction that reads and then writes fails at once when another one wrote in between,
    however long the time-out; one that begins IMMEDIATE waits its turn.
    """
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _on_connect)
        event.listen(engine, "begin", _on_begin)


def prepare_postgresql(engine: Engine, patience: float) -> None:
    """Have the server end a transaction in which nothing was said for so many seconds.

    Its process is gone or was stopped in the middle of it; whoever is to do its work would wait for its locks for ever.
    """
    if engine.dialect.name == "postgresql":
        event.listen(engine, "connect", partial(_limit_idleness, patience))


def _limit_idleness(patience: float, connection: Any, _record: object) -> None:
    connection.autocommit = True
    connection.execute(f"SET idle_in_transaction_session_timeout = {max(1, round(patience * 1000))}")
    connection.autocommit = False


def let_idle(connection: Connection) -> None:
    """Let its transaction be silent for long: it waits for whoever is sent what is read in it."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))


def prepare_copy(engine: Engine) -> None:
    """Let a copy of a SQLite database be written by one alone, who throws it away."""
    event.listen(engine, "connect", _on_connect_alone)
    event.listen(engine, "begin", _on_begin)


def _on_connect(connection: DBAPIConnection, _record: object) -> None:
    _choose(connection, "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=20000")
    _fold_all_letters(connection)


def _on_connect_alone(connection: DBAPIConnection, _record: object) -> None:
    _choose(connection, "journal_mode=MEMORY", "synchronous=OFF", "foreign_keys=ON")
    _fold_all_letters(connection)


def _choose(connection: DBAPIConnection, *pragmas: str) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in pragmas:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _fold_all_letters(connection: Any) -> None:
    """SQLite's own `lower` knows the letters of ASCII alone. Nothing that is kept, such as an index, may hang on it."""
    connection.create_function("lower", 1, _lower, deterministic=True)


def _lower(text: Any) -> Any:
    return text.lower() if isinstance(text, str) else text


def _on_begin(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN" if _reading.get() else "BEGIN IMMEDIATE")


def is_postgresql(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"
