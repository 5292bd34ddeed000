"""Preview."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WORKS = "'update', 'push', 'notices', 'reconcile', 'settle', 'preview'"


def upgrade() -> None:
    with op.batch_alter_table("sync_job") as batch_op:
        batch_op.drop_constraint(op.f("ck_sync_job_work"), type_="check")
        batch_op.create_check_constraint("work", f"work IN ({WORKS}, 'apply')")
    op.create_table(
        "preview",
        sa.Column("id", ID, nullable=False),
        sa.Column("company_id", ID, nullable=False),
        sa.Column("connection_id", ID, nullable=False),
        sa.Column("sync_job_id", ID, nullable=False),
        sa.Column("push_only", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("calls", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_preview_company_id_company"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["connection_id"], ["connection.id"], name=op.f("fk_preview_connection_id_connection"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["sync_job_id"], ["sync_job.id"], name=op.f("fk_preview_sync_job_id_sync_job"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_preview")),
        sa.UniqueConstraint("sync_job_id", name=op.f("uq_preview_sync_job_id")),
    )
    with op.batch_alter_table("preview") as batch_op:
        batch_op.create_index("ix_preview_connection", ["connection_id", "id"], unique=False)
    op.create_table(
        "preview_row",
        sa.Column("id", ID, nullable=False),
        sa.Column("company_id", ID, nullable=False),
        sa.Column("preview_id", ID, nullable=False),
        sa.Column("outgoing", sa.Boolean(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("record_id", ID, nullable=True),
        sa.Column("source_id", sa.String(length=64), nullable=True),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("action", sa.Enum("new", "changed", "archived", "linked", "overruled", "waits", "refused", name="foreseen", native_enum=False, create_constraint=True, length=20), nullable=False),
        sa.Column("differences", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("applied_by_id", ID, nullable=True),
        sa.ForeignKeyConstraint(["applied_by_id"], ["sync_job.id"], name=op.f("fk_preview_row_applied_by_id_sync_job"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_preview_row_company_id_company"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["preview_id"], ["preview.id"], name=op.f("fk_preview_row_preview_id_preview"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_preview_row")),
    )
    with op.batch_alter_table("preview_row") as batch_op:
        batch_op.create_index("ix_preview_row_kind", ["preview_id", "outgoing", "kind", "action", "id"], unique=False)
        batch_op.create_index(op.f("ix_preview_row_applied_by_id"), ["applied_by_id"], unique=False)
    op.create_table(
        "preview_answer",
        sa.Column("id", ID, nullable=False),
        sa.Column("company_id", ID, nullable=False),
        sa.Column("preview_id", ID, nullable=False),
        sa.Column("question", sa.String(length=255), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_preview_answer_company_id_company"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["preview_id"], ["preview.id"], name=op.f("fk_preview_answer_preview_id_preview"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_preview_answer")),
        sa.UniqueConstraint("preview_id", "question", name=op.f("uq_preview_answer_preview_id_question")),
    )


def downgrade() -> None:
    for table in ("preview_answer", "preview_row", "preview"):
        op.drop_table(table)
    op.execute("DELETE FROM sync_job WHERE work = 'apply'")
    with op.batch_alter_table("sync_job") as batch_op:
        batch_op.drop_constraint(op.f("ck_sync_job_work"), type_="check")
        batch_op.create_check_constraint("work", f"work IN ({WORKS})")
