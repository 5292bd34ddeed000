"""Contacts: what they are compared by, likely duplicates, alerts; and what records were called before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEYS = (("spelling", 255), ("email", 255), ("tax_number", 50), ("bank_account", 255), ("head", 255), ("tail", 255))
KNOWN_BY = "('name', 'number', 'code', 'reference', 'account_number', 'email')"


def upgrade() -> None:
    op.add_column("link", sa.Column("skipped", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute("UPDATE link SET skipped = true, paused_reason = substr(paused_reason, 10) WHERE paused_reason LIKE 'skipped: %'")
    with op.batch_alter_table("link") as batch_op:
        batch_op.alter_column("skipped", server_default=None)
    op.add_column("history", sa.Column("formerly", sa.String(100), nullable=True))
    op.execute(f"UPDATE history SET formerly = lower(substr(old, 1, 100)) WHERE old <> '' AND field IN {KNOWN_BY}")
    _open_index("ix_history_formerly", "history", ["company_id", "formerly"], "formerly IS NOT NULL")
    _open_index("ix_link_external_id", "link", ["external_id"], "external_id IS NOT NULL")
    op.create_table(
        "likeness",
        sa.Column("contact_id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("company_id", ROW_ID, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.String(length), nullable=True) for name, length in KEYS),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_likeness_company_id_company"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("contact_id", name=op.f("pk_likeness")),
    )
    for name, _ in KEYS:
        op.create_index(f"ix_likeness_{name}", "likeness", ["company_id", name])
    op.create_table(
        "duplicate",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("company_id", ROW_ID, nullable=False),
        sa.Column("first_id", ROW_ID, nullable=False),
        sa.Column("second_id", ROW_ID, nullable=False),
        sa.Column("equal_in", sa.String(100), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by_id", ROW_ID, nullable=True),
        sa.ForeignKeyConstraint(["answered_by_id"], ["user_account.id"], name=op.f("fk_duplicate_answered_by_id_user_account"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_duplicate_company_id_company"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duplicate")),
        sa.UniqueConstraint("first_id", "second_id", name=op.f("uq_duplicate_first_id_second_id")),
    )
    op.create_index("ix_duplicate_second", "duplicate", ["second_id"])
    _open_index("ix_duplicate_open", "duplicate", ["company_id", "id"], "answered_at IS NULL")
    op.create_table(
        "alert",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("company_id", ROW_ID, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("record_id", ROW_ID, nullable=False),
        sa.Column("changed_column", sa.String(60), nullable=False),
        sa.Column("old", sa.Text(), nullable=True),
        sa.Column("new", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sync_job_id", ROW_ID, nullable=True),
        sa.Column("book_id", ROW_ID, nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_by_id", ROW_ID, nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["acknowledged_by_id"], ["user_account.id"], name=op.f("fk_alert_acknowledged_by_id_user_account"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["book_id"], ["connection.id"], name=op.f("fk_alert_book_id_connection"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_alert_company_id_company"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["sync_job_id"], ["sync_job.id"], name=op.f("fk_alert_sync_job_id_sync_job"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
    )
    op.create_index("ix_alert_company", "alert", ["company_id", "id"])
    op.create_index(op.f("ix_alert_sync_job_id"), "alert", ["sync_job_id"])
    _open_index("ix_alert_open", "alert", ["company_id", "kind", "record_id"], "acknowledged_at IS NULL")


def downgrade() -> None:
    for table in ("alert", "duplicate", "likeness"):
        op.drop_table(table)
    op.drop_index("ix_link_external_id", table_name="link")
    op.drop_index("ix_history_formerly", table_name="history")
    op.drop_column("history", "formerly")
    op.drop_column("link", "skipped")


def _open_index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
