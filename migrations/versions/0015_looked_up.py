"""The jobs of a connection, and what was unlinked by hand, are found without reading everybody's."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_sync_job_connection", "sync_job", ["connection_id", "ended_at"])
    where = sa.text("let_go_id IS NOT NULL")
    op.create_index("ix_link_let_go", "link", ["connection_id", "let_go_id"], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    op.drop_index("ix_link_let_go", table_name="link")
    op.drop_index("ix_sync_job_connection", table_name="sync_job")
