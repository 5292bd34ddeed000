"""Access: companies that are open to a person, second factors, single sign-on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
IDENTITY = ("identity_issuer", "identity_subject")
NEW = ("limited", "totp_secret", "totp_since", "totp_step", *IDENTITY)


def upgrade() -> None:
    with op.batch_alter_table("user_account") as batch_op:
        batch_op.add_column(sa.Column("limited", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("totp_secret", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("totp_since", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("totp_step", sa.Integer(), nullable=True))
        for name in IDENTITY:
            batch_op.add_column(sa.Column(name, sa.String(255), nullable=True))
        batch_op.create_unique_constraint(op.f("uq_user_account_identity_issuer_identity_subject"), list(IDENTITY))
    with op.batch_alter_table("user_account") as batch_op:
        batch_op.alter_column("limited", server_default=None)
    op.create_table(
        "user_company",
        sa.Column("user_id", ROW_ID, nullable=False),
        sa.Column("company_id", ROW_ID, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_user_company_user_id_user_account"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_user_company_company_id_company"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "company_id", name=op.f("pk_user_company")),
    )
    op.create_index(op.f("ix_user_company_company_id"), "user_company", ["company_id"])
    op.create_table(
        "recovery_code",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("user_id", ROW_ID, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_recovery_code_user_id_user_account"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_code")),
        sa.UniqueConstraint("user_id", "digest", name=op.f("uq_recovery_code_user_id_digest")),
    )
    op.create_table(
        "sign_in_rules",
        sa.Column("id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("second_factor", sa.Boolean(), nullable=False),
        sa.Column("single_sign_on", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_by_id", ROW_ID, nullable=True),
        sa.ForeignKeyConstraint(["changed_by_id"], ["user_account.id"], name=op.f("fk_sign_in_rules_changed_by_id_user_account"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_rules")),
    )


def downgrade() -> None:
    for table in ("sign_in_rules", "recovery_code", "user_company"):
        op.drop_table(table)
    with op.batch_alter_table("user_account") as batch_op:
        batch_op.drop_constraint(op.f("uq_user_account_identity_issuer_identity_subject"), type_="unique")
        for name in NEW:
            batch_op.drop_column(name)
