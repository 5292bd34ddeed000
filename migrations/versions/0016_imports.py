"""Whoever imports a file holds it, and says so with each lot: only one that came no further is gone on with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("csv_import", sa.Column("reason", sa.String(500), nullable=True))
    op.add_column("csv_import", sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True))
    for column in ("fence", "tries"):
        op.add_column("csv_import", sa.Column(column, sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("csv_import") as batch_op:
        for column in ("fence", "tries"):
            batch_op.alter_column(column, server_default=None)


def downgrade() -> None:
    for column in ("tries", "fence", "lease_until", "reason"):
        op.drop_column("csv_import", column)
