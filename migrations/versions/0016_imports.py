"""Whoever imports a file holds it, and says so with each lot: only one that came no further is gone on with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

#: How long a file is left to whoever imports it while this is done.
PATIENCE = timedelta(minutes=10)


def upgrade() -> None:
    op.add_column("csv_import", sa.Column("reason", sa.String(500), nullable=True))
    op.add_column("csv_import", sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True))
    for column in ("fence", "tries"):
        op.add_column("csv_import", sa.Column(column, sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("csv_import") as batch_op:
        for column in ("fence", "tries"):
            batch_op.alter_column(column, server_default=None)
    moment = sa.DateTime(timezone=True)
    columns = (sa.column(name, moment) for name in ("started_at", "ended_at", "lease_until"))
    imports = sa.table("csv_import", *columns)
    under_way = sa.and_(imports.c.started_at.is_not(None), imports.c.ended_at.is_(None))
    op.execute(imports.update().where(under_way).values(lease_until=datetime.now(UTC) + PATIENCE))


def downgrade() -> None:
    for column in ("tries", "fence", "lease_until", "reason"):
        op.drop_column("csv_import", column)
