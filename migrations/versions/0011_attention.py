"""What was changed on the other side after it was sent, found without reading every link."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    where = sa.text("changed_there IS NOT NULL")
    op.create_index("ix_link_changed", "link", ["connection_id"], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    op.drop_index("ix_link_changed", table_name="link")
