"""What Xero would refuse: accounts that a tax may stand on, accounts of stock; and how credit notes arrive."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

SENT_AS = sa.Enum("draft", "awaiting_approval", "authorised", name="credit_notes_as", native_enum=False, create_constraint=True, length=20)


def upgrade() -> None:
    op.add_column("tax_rate", sa.Column("account_classes", sa.String(80), nullable=True))
    op.add_column("item", sa.Column("inventory_account", sa.String(10), nullable=True))
    with op.batch_alter_table("company_settings") as batch_op:
        batch_op.add_column(sa.Column("credit_notes_as", SENT_AS, nullable=False, server_default="authorised"))
    with op.batch_alter_table("company_settings") as batch_op:
        batch_op.alter_column("credit_notes_as", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("company_settings") as batch_op:
        batch_op.drop_constraint(op.f("ck_company_settings_credit_notes_as"), type_="check")
        batch_op.drop_column("credit_notes_as")
    op.drop_column("item", "inventory_account")
    op.drop_column("tax_rate", "account_classes")
