"""Backup and restore: every row of every table, from one database to another of either sort; or a plain sentence."""

from __future__ import annotations

import gzip
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import flask_migrate
import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from flask import Flask

from backoffice import schema
from backoffice.archive import ArchiveError, opened
from backoffice.backup import backup
from backoffice.cli import main
from backoffice.config import Settings
from backoffice.database import Base
from backoffice.extensions import db
from backoffice.models import Company, Connection, ConnectionState, Mail, MailState, User, new_company
from backoffice.models.user import end_sessions
from backoffice.restore import NewerArchiveError, NotEmptyError, restore
from tests.databases import SORTS, Databases, application, lent
from tests.test_upgrades import Rows, Schema, empty

#: What a restore changes on purpose: what nobody does any more, and what is not certain.
ON_PURPOSE = {"lease_until", "fence", "perhaps_there", "state", "due_at", "reason", "ended_at", "session_epoch"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "books.backup"


@pytest.fixture(params=SORTS)
def other_url(request: pytest.FixtureRequest, databases: dict[str, Databases]) -> Iterator[str]:
    """Another empty database, of either sort."""
    yield from lent(databases[request.param])


@contextmanager
def at(settings: Settings, url: str) -> Iterator[Flask]:
    """The application on another database."""
    with application(settings.model_copy(update={"database_url": url}), screens=False) as app, app.app_context():
        yield app


def everything() -> Rows:
    with db.engine.connect() as connection:
        return Schema(connection).rows()


def filled() -> Rows:
    with db.engine.begin() as connection:
        Schema(connection).fill((1, 2))
    with db.engine.connect() as connection:  # nothing that an Update can be asked for
        connection.execute(sa.update(Connection).values(state=ConnectionState.UNLINKED))
        connection.commit()
    return everything()


def plain(rows: Rows) -> dict[str, list[dict[str, str]]]:
    """Rows as both databases say them alike."""
    return {table: [_plain(row) for _, row in sorted(found.items())] for table, found in rows.items()}


def _plain(row: dict[str, Any]) -> dict[str, str]:
    return {name: str(value).removesuffix("+00:00") for name, value in row.items() if name not in ON_PURPOSE}


def test_every_row_comes_back_in_a_database_of_either_sort(
    app: Flask, settings: Settings, other_url: str, file: Path
) -> None:
    with app.app_context():
        before = filled()
        assert backup(file) == sum(map(len, before.values()))
        assert plain(everything()) == plain(before)
    with at(settings, other_url):
        restore(file)
        after = everything()
        assert plain(after) == plain(before)
        assert schema.present() == schema.wanted()
        for table in Base.metadata.sorted_tables:
            if "lease_until" in table.c:
                assert all(row["lease_until"] is None for row in after[table.name].values()), table.name
        db.session.add(new_company(db.session(), "The next one"))  # numbered from the last one on
        db.session.commit()
        restored = everything()
        assert len(restored["company"]) == 3
    assert [path.name for path in file.parent.iterdir() if path.name.startswith(".")] == []
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("revision", ["0001", "0005"])
def test_a_backup_of_an_earlier_version_comes_to_this_one(
    app: Flask, settings: Settings, databases: dict[str, Databases], file: Path, revision: str
) -> None:
    with app.app_context():
        empty(db.engine)
        flask_migrate.upgrade(revision=revision)
        with db.engine.begin() as connection:
            Schema(connection).fill((1, 2))
        before = everything()
        backup(file)
        sort = db.engine.dialect.name
    for url in lent(databases[sort]):
        with at(settings, url):
            restore(file)
            after = everything()
            assert schema.present() == schema.wanted()
            assert {table: after[table].keys() for table in before} == {t: rows.keys() for t, rows in before.items()}


def test_a_backup_is_of_one_moment(app: Flask, file: Path) -> None:
    """What is written while it is made is not in it, whatever was read by then."""
    with app.app_context():
        new_company(db.session(), "Acme")
        db.session.commit()
        others = sa.create_engine(db.engine.url)

        def write(*_: Any) -> None:
            with others.begin() as other:
                other.execute(sa.text("UPDATE company SET name = name || '+'"))
                other.execute(sa.text("UPDATE company_settings SET keep_jobs = keep_jobs + 1"))

        sa.event.listen(db.engine, "after_cursor_execute", write)
        backup(file)
        sa.event.remove(db.engine, "after_cursor_execute", write)
        assert (db.session.scalar(sa.select(sa.func.length(Company.name))) or 0) > 10
        others.dispose()
    names, kept = _read(file, "company", "name"), _read(file, "company_settings", "keep_jobs")
    assert len(names[0]) - len("Acme") == kept[0] - 90


def _read(file: Path, table: str, column: str) -> list[Any]:
    with opened(file) as (_, parts):
        found = {part.table: [dict(zip(part.columns, row, strict=True)) for row in part.rows] for part in parts}
    return [row[column] for row in found[table]]


@pytest.fixture
def backoffice(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run the command line against the test's database."""
    for name in ("database_url", "redis_url", "data_dir"):
        monkeypatch.setenv(name.upper(), str(getattr(settings, name)))
    return lambda *words: CliRunner().invoke(main, words, catch_exceptions=False)


def test_a_database_that_is_not_empty_is_left_alone(app: Flask, backoffice: Any, file: Path) -> None:
    with app.app_context():
        new_company(db.session(), "Acme")
        db.session.commit()
        before = everything()
    said = backoffice("backup", str(file))
    assert (said.exit_code, said.output.splitlines()[1]) == (
        0,
        "The keys to what is encrypted in it are not: keep ENCRYPTION_KEYS in another place.",
    )
    said = backoffice("restore", str(file))
    assert (said.exit_code, said.output.startswith("Error: The database is not empty.")) == (1, True)
    with app.app_context():
        assert everything() == before


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_damaged_backup_is_a_sentence_and_leaves_nothing(app: Flask, file: Path) -> None:
    with app.app_context():
        filled()
        backup(file)
        whole = file.read_bytes()
        empty(db.engine)
        for keep in (0, 40, -300, -12):
            file.write_bytes(whole[:keep])
            with pytest.raises(ArchiveError):
                restore(file)
        lines = gzip.decompress(whole).splitlines(keepends=True)
        file.write_bytes(gzip.compress(b"".join(lines[:-1])))  # well formed, and its end is missing
        with pytest.raises(ArchiveError, match="not whole"):
            restore(file)
        with db.engine.connect() as connection:
            assert sa.inspect(connection).get_table_names() == []
        file.write_bytes(whole)
        restore(file)
        assert len(everything()["company"]) == 2


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_backup_of_a_newer_version_is_refused(app: Flask, file: Path) -> None:
    with app.app_context():
        backup(file)
        newer = gzip.decompress(file.read_bytes()).replace(b'"revision":"', b'"revision":"9', 1)
        file.write_bytes(gzip.compress(newer))
        with pytest.raises(NewerArchiveError):
            restore(file)
        file.write_bytes(gzip.compress(b'"something else"\n'))
        with pytest.raises(ArchiveError, match="no backup of the back office"):
            restore(file)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_backup_that_cannot_be_written_leaves_the_one_of_before(app: Flask, file: Path) -> None:
    with app.app_context():
        file.write_text("the one of before")
        with pytest.raises(ArchiveError, match="cannot be written"):
            backup(file.parent / "no such folder" / "books")
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200, hard))  # the disk is full
        try:
            with pytest.raises(ArchiveError, match="cannot be written: File too large"):
                backup(file)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.read_text() for path in file.parent.iterdir() if path.suffix == ".backup"] == ["the one of before"]
    assert [path.name for path in file.parent.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_e_mail_that_waited_waits_for_a_person(app: Flask, file: Path) -> None:
    with app.app_context():
        filled()
        with db.engine.begin() as connection:
            connection.execute(sa.update(Mail).values(state=MailState.WAITING))
        backup(file)
        empty(db.engine)
        assert restore(file).perhaps_sent == 2
        assert {mail.state for mail in db.session.query(Mail)} == {MailState.PERHAPS_SENT}
        db.session.rollback()
        with pytest.raises(NotEmptyError):
            restore(file)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_session_that_was_ended_since_stays_ended(app: Flask, file: Path) -> None:
    with app.app_context():
        filled()
        user, other = db.session.query(User)
        before = {user.get_id(), other.get_id()}
        backup(file)
        end_sessions(user)
        end_sessions(user)
        since = user.get_id()
        db.session.rollback()
        empty(db.engine)
        restore(file)
        after = {user.get_id() for user in db.session.query(User)}
        assert len(after) == 2
        assert not after & {*before, since}
