"""What was set aside is found again when it is retried."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    where = sa.text("outcome = 'set aside'")
    op.create_index(
        "ix_sync_attempt_item_set_aside", "sync_attempt_item", ["link_id"], sqlite_where=where, postgresql_where=where
    )


def downgrade() -> None:
    op.drop_index("ix_sync_attempt_item_set_aside", table_name="sync_attempt_item")
