"""Whose rows are whose: every table that holds a company's data, and how its rows of one company are found."""

from __future__ import annotations

from graphlib import TopologicalSorter

from sqlalchemy import ColumnElement, Table, select

from backoffice.database import Base

#: Tables of the deployment. What they hold of a company is no row of its own.
SHARED = frozenset(
    {"company", "user_account", "recovery_code", "sign_in_rules", "authorisation", "deletion", "tick", "webhook"}
)


def owned_tables() -> list[Table]:
    """The tables with rows of companies, each before those that its rows hang on."""
    tables = {name: table for name, table in Base.metadata.tables.items() if _way(table) is not None}
    hangs_on = {
        name: {key.column.table.name for key in table.foreign_keys} & tables.keys() - {name}
        for name, table in tables.items()
    }
    return [tables[name] for name in reversed(list(TopologicalSorter(hangs_on).static_order()))]


def of_company(table: Table, company_id: int) -> ColumnElement[bool]:
    """Which rows of a table belong to a company: by its number in them, or in what they hang on."""
    if "company_id" in table.c:
        return table.c.company_id == company_id
    way = _way(table)
    assert way is not None, f"{table.name} belongs to no company"
    column, parent = way
    (key,) = parent.primary_key.columns
    return table.c[column].in_(select(key).where(of_company(parent, company_id)))


def _way(table: Table) -> tuple[str, Table] | None:
    """The column that leads to the company, and the table it leads to; None for what is shared."""
    if table.name in SHARED:
        return None
    if "company_id" in table.c:
        return "company_id", Base.metadata.tables["company"]
    for key in sorted(table.foreign_keys, key=lambda key: key.parent.name):
        required = not key.parent.nullable and key.column.table.name not in SHARED
        if required and _way(key.column.table) is not None:
            return key.parent.name, key.column.table
    return None
