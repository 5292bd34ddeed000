"""A migrated database equals a created one, partial indexes and checks included."""

from __future__ import annotations

import re
from pathlib import Path

from flask import Flask
from sqlalchemy import Engine, create_engine, inspect, text

from backoffice.database import Base
from backoffice.extensions import db


def described(engine: Engine) -> set[tuple[str, ...]]:
    """All that the database itself says of its tables, columns, constraints and indexes."""
    return _sqlite(engine) if engine.dialect.name == "sqlite" else _postgresql(engine)


def _sqlite(engine: Engine) -> set[tuple[str, ...]]:
    """The statements that made it, cut into their clauses: a migration may write them in another order."""
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")).all()
    found: set[tuple[str, ...]] = set()
    for name, sql in rows:
        if name.startswith("alembic_"):
            continue
        flat = re.sub(r"\s+", " ", sql).replace('"', "")
        for clause in re.split(r",\s(?![^()]*\))", flat):
            found.add((name, clause.strip(" ,()")))
    return found


def _postgresql(engine: Engine) -> set[tuple[str, ...]]:
    queries = {
        "column": "SELECT table_name, column_name, data_type, is_nullable, character_maximum_length::text, "
        "coalesce(column_default, '') FROM information_schema.columns WHERE table_schema = 'public'",
        "index": "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'",
        "constraint": "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE connamespace = 'public'::regnamespace",
    }
    found: set[tuple[str, ...]] = set()
    with engine.connect() as connection:
        for sort, query in queries.items():
            for row in connection.execute(text(query)):
                if not str(row[0]).startswith("alembic_"):
                    found.add((sort, *(str(value) for value in row)))
    return found


def test_a_migrated_database_equals_a_created_one(app: Flask, tmp_path: Path) -> None:
    with app.app_context():
        migrated = described(db.engine)
        if db.engine.dialect.name == "sqlite":
            engine = create_engine(f"sqlite:///{tmp_path / 'created.db'}")
            Base.metadata.create_all(engine)
            created = described(engine)
            engine.dispose()
        else:
            Base.metadata.drop_all(db.engine)
            Base.metadata.create_all(db.engine)
            created = described(db.engine)
    assert migrated - created == set()
    assert created - migrated == set()
    assert any("WHERE" in " ".join(row) for row in migrated), "partial indexes are part of the comparison"
    assert any("CHECK" in " ".join(row) for row in migrated), "checks are part of the comparison"


def test_every_table_has_its_company_or_a_reason() -> None:
    """What holds a company's data can be found by the company."""
    deployment_wide = {"company", "user_account", "authorisation", "deletion", "tick", "webhook"}
    deployment_wide |= {"recovery_code", "sign_in_rules"}
    through_another = {
        "link",
        "match",
        "pull_run",
        "pull_seen",
        "sync_attempt",
        "sync_attempt_item",
        "notice",
        "notice_reading",
    }
    through_another |= {"compared_list", "compared_seen"}
    for table in Base.metadata.tables.values():
        of_a_record = {"document_id", "attachment_id"} & set(table.columns.keys())
        if table.name not in deployment_wide | through_another and not of_a_record:
            assert "company_id" in table.columns, table.name


def test_no_table_is_left_out_of_the_migrations(app: Flask) -> None:
    with app.app_context():
        assert set(Base.metadata.tables) <= set(inspect(db.engine).get_table_names())
