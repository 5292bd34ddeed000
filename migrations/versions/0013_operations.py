"""Operations: an ending of its own where the key to a permission is lost; what may be there since before a restore."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ENDINGS = "'consent_ended', 'organisation_gone', 'organisation_closed', 'demo_gone', 'scope_missing'"


def upgrade() -> None:
    _endings(f"{ENDINGS}, 'key_lost'")
    op.add_column("link", sa.Column("perhaps_there", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("link") as batch_op:
        batch_op.alter_column("perhaps_there", server_default=None)


def downgrade() -> None:
    op.execute("UPDATE connection SET lost_reason = 'consent_ended' WHERE lost_reason = 'key_lost'")
    _endings(ENDINGS)
    op.drop_column("link", "perhaps_there")


def _endings(words: str) -> None:
    with op.batch_alter_table("connection") as batch_op:
        batch_op.drop_constraint(op.f("ck_connection_ending"), type_="check")
        batch_op.create_check_constraint("ending", f"lost_reason IN ({words})")
