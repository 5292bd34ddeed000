"""Companies: books set aside, endings by their sort, deletions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BOOKED = (
    "contact", "item", "account", "tracking_category", "tracking_option", "tax_rate", "purchase_order", "bill",
    "invoice", "credit_note", "allocation", "prepayment", "overpayment", "payment", "attachment", "tax_mapping",
    "account_mapping",
)  # fmt: skip


def upgrade() -> None:
    op.create_table(
        "deletion",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("user_id", ROW_ID, nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(500), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("removed", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_deletion_user_id_user_account"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deletion")),
    )
    with op.batch_alter_table("company") as batch_op:
        batch_op.add_column(sa.Column("deletion_id", ROW_ID, nullable=True))
        batch_op.create_foreign_key(op.f("fk_company_deletion_id_deletion"), "deletion", ["deletion_id"], ["id"])
    with op.batch_alter_table("connection") as batch_op:
        batch_op.add_column(sa.Column("lost_reason", sa.Enum("consent_ended", "organisation_gone", "organisation_closed", "demo_gone", "scope_missing", name="ending", native_enum=False, create_constraint=True, length=20), nullable=True))
        batch_op.add_column(sa.Column("demo", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("connection") as batch_op:
        batch_op.alter_column("demo", server_default=None)
    for table in BOOKED:
        with op.batch_alter_table(table) as batch_op:
            batch_op.add_column(sa.Column("book_id", ROW_ID, nullable=True))
            name = op.f(f"fk_{table}_book_id_connection")
            batch_op.create_foreign_key(name, "connection", ["book_id"], ["id"], ondelete="CASCADE")
    with op.batch_alter_table("tax_mapping") as batch_op:
        batch_op.drop_constraint(op.f("uq_tax_mapping_company_id_side_code"), type_="unique")
        _unique(batch_op, "uq_tax_mapping_code", ["company_id", "side", "code"], "book_id IS NULL")
    with op.batch_alter_table("account_mapping") as batch_op:
        batch_op.drop_index("uq_account_mapping_group")
        only = "item_group IS NOT NULL AND book_id IS NULL"
        _unique(batch_op, "uq_account_mapping_group", ["company_id", "side", "item_group"], only)


def downgrade() -> None:
    with op.batch_alter_table("account_mapping") as batch_op:
        batch_op.drop_index("uq_account_mapping_group")
        _unique(batch_op, "uq_account_mapping_group", ["company_id", "side", "item_group"], "item_group IS NOT NULL")
    with op.batch_alter_table("tax_mapping") as batch_op:
        batch_op.drop_index("uq_tax_mapping_code")
        batch_op.create_unique_constraint(op.f("uq_tax_mapping_company_id_side_code"), ["company_id", "side", "code"])
    for table in BOOKED:
        with op.batch_alter_table(table) as batch_op:
            batch_op.drop_constraint(op.f(f"fk_{table}_book_id_connection"), type_="foreignkey")
            batch_op.drop_column("book_id")
    with op.batch_alter_table("connection") as batch_op:
        batch_op.drop_constraint(op.f("ck_connection_ending"), type_="check")
        batch_op.drop_column("lost_reason")
        batch_op.drop_column("demo")
    with op.batch_alter_table("company") as batch_op:
        batch_op.drop_constraint(op.f("fk_company_deletion_id_deletion"), type_="foreignkey")
        batch_op.drop_column("deletion_id")
    op.drop_table("deletion")


def _unique(batch_op, name: str, columns: list[str], only: str) -> None:
    batch_op.create_index(name, columns, unique=True, sqlite_where=sa.text(only), postgresql_where=sa.text(only))
