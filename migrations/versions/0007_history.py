"""History."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("history") as batch_op:
        # A job that is not kept any more leaves its number behind.
        batch_op.drop_constraint(op.f("fk_history_sync_job_id_sync_job"), type_="foreignkey")
        batch_op.drop_index(op.f("ix_history_sync_job_id"))
        batch_op.create_index("ix_history_company", ["company_id", "at", "id"])
        batch_op.create_index("ix_history_user", ["company_id", "user_id", "at", "id"])
        batch_op.create_index("ix_history_job", ["sync_job_id", "at", "id"])
    op.create_index(op.f("ix_link_synced_by_id"), "link", ["synced_by_id"])
    op.create_index(op.f("ix_pull_run_sync_job_id"), "pull_run", ["sync_job_id"])
    op.create_index(op.f("ix_sync_attempt_sync_job_id"), "sync_attempt", ["sync_job_id"])
    op.create_table(
        "undo",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("company_id", ROW_ID, nullable=False),
        sa.Column("sync_job_id", ROW_ID, nullable=False),
        sa.Column("user_id", ROW_ID, nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("last_kind", sa.String(length=40), nullable=True),
        sa.Column("last_id", ROW_ID, nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("values", sa.Integer(), nullable=False),
        sa.Column("archived", sa.Integer(), nullable=False),
        sa.Column("left", sa.Integer(), nullable=False),
        sa.Column("left_over", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_undo_company_id_company"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["sync_job_id"], ["sync_job.id"], name=op.f("fk_undo_sync_job_id_sync_job"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_undo_user_id_user_account"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_undo")),
    )
    op.create_index("ix_undo_job", "undo", ["sync_job_id", "id"])
    op.create_index(op.f("ix_undo_company_id"), "undo", ["company_id"])
    op.create_index(
        "uq_undo_open",
        "undo",
        ["sync_job_id"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("undo")
    op.drop_index(op.f("ix_sync_attempt_sync_job_id"), table_name="sync_attempt")
    op.drop_index(op.f("ix_pull_run_sync_job_id"), table_name="pull_run")
    op.drop_index(op.f("ix_link_synced_by_id"), table_name="link")
    op.execute("UPDATE history SET sync_job_id = NULL WHERE sync_job_id NOT IN (SELECT id FROM sync_job)")
    with op.batch_alter_table("history") as batch_op:
        batch_op.drop_index("ix_history_job")
        batch_op.drop_index("ix_history_user")
        batch_op.drop_index("ix_history_company")
        batch_op.create_index(op.f("ix_history_sync_job_id"), ["sync_job_id"])
        batch_op.create_foreign_key(
            op.f("fk_history_sync_job_id_sync_job"), "sync_job", ["sync_job_id"], ["id"], ondelete="SET NULL"
        )
