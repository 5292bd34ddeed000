"""Schedule, pauses, and more works of a job."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

#: What failed before is not asked about again where an Update has completed since.
MADE_GOOD = """
    UPDATE sync_job SET made_good_at = ended_at WHERE state = 'failed' AND question IS NULL AND EXISTS (
        SELECT 1 FROM sync_job AS later WHERE later.connection_id = sync_job.connection_id AND later.work = 'update'
        AND later.state = 'completed' AND later.ended_at > sync_job.ended_at)
"""


def upgrade() -> None:
    with op.batch_alter_table("company_settings") as batch_op:
        batch_op.add_column(sa.Column("update_every", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("reconcile_on", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("paused", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("paused_kinds", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("ask_duplicates", sa.Enum("off", "equal", "alike", name="strictness", native_enum=False, create_constraint=True, length=20), nullable=False, server_default="equal"))
        batch_op.add_column(sa.Column("keep_history", sa.Integer(), nullable=False, server_default="365"))
        batch_op.add_column(sa.Column("keep_jobs", sa.Integer(), nullable=False, server_default="90"))
    op.execute("UPDATE company_settings SET reconcile_on = 5")
    # The defaults served the rows that were there; the application gives its own.
    with op.batch_alter_table("company_settings") as batch_op:
        for column in ("paused", "paused_kinds", "ask_duplicates", "keep_history", "keep_jobs"):
            batch_op.alter_column(column, server_default=None)
    with op.batch_alter_table("company") as batch_op:
        batch_op.add_column(sa.Column("zone_chosen", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("planned_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(sa.text("UPDATE company SET zone_chosen = :chosen WHERE time_zone <> 'UTC'").bindparams(chosen=True))
    with op.batch_alter_table("company") as batch_op:
        batch_op.alter_column("zone_chosen", server_default=None)
    with op.batch_alter_table("pull_run") as batch_op:
        batch_op.add_column(sa.Column("left_out", sa.JSON(), nullable=False, server_default="[]"))
    with op.batch_alter_table("pull_run") as batch_op:
        batch_op.alter_column("left_out", server_default=None)
    with op.batch_alter_table("sync_job") as batch_op:
        batch_op.add_column(sa.Column("made_good_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("lost", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.drop_constraint(op.f("ck_sync_job_work"), type_="check")
        batch_op.create_check_constraint("work", "work IN ('update', 'push', 'notices', 'reconcile', 'settle', 'preview')")
        batch_op.drop_constraint(op.f("ck_sync_job_started_by"), type_="check")
        batch_op.create_check_constraint("started_by", "started_by IN ('person', 'save', 'schedule', 'webhook', 'command')")
    with op.batch_alter_table("sync_job") as batch_op:
        batch_op.alter_column("lost", server_default=None)
    op.execute(MADE_GOOD)


def downgrade() -> None:
    op.execute("DELETE FROM sync_job WHERE work NOT IN ('update', 'push') OR started_by = 'webhook'")
    with op.batch_alter_table("sync_job") as batch_op:
        for column in ("made_good_at", "lost"):
            batch_op.drop_column(column)
        batch_op.drop_constraint(op.f("ck_sync_job_work"), type_="check")
        batch_op.create_check_constraint("work", "work IN ('update', 'push')")
        batch_op.drop_constraint(op.f("ck_sync_job_started_by"), type_="check")
        batch_op.create_check_constraint("started_by", "started_by IN ('person', 'save', 'schedule', 'command')")
    with op.batch_alter_table("pull_run") as batch_op:
        batch_op.drop_column("left_out")
    with op.batch_alter_table("company") as batch_op:
        for column in ("zone_chosen", "planned_at"):
            batch_op.drop_column(column)
    with op.batch_alter_table("company_settings") as batch_op:
        batch_op.drop_constraint(op.f("ck_company_settings_strictness"), type_="check")
        for column in ("update_every", "reconcile_on", "paused", "paused_kinds", "ask_duplicates", "keep_history", "keep_jobs"):
            batch_op.drop_column(column)
