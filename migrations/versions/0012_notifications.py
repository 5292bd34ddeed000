"""Notifications: what has been told, to whom, by mail and by webhook; ids by which the log names what asked for a job."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
NEEDS = ("link_lost", "alerts", "jobs", "refused", "changed", "matches", "duplicates", "drift", "webhook_off")
#: Only a letter about a document has these.
OF_DOCUMENTS = (("kind", sa.String(40)), ("record_id", ROW_ID), ("file_name", sa.String(255)), ("pdf", sa.LargeBinary()))


def upgrade() -> None:
    op.add_column("sync_job", sa.Column("request_id", sa.String(64), nullable=True))
    op.add_column("sync_attempt", sa.Column("correlation", sa.String(64), nullable=True))
    op.create_index("ix_sync_job_ended", "sync_job", ["ended_at"])
    _open_index("ix_link_changed", "link", ["connection_id"], "changed_there IS NOT NULL")
    _open_index("ix_link_blocked", "link", ["connection_id", "blocked_kind"], "blocked_kind IS NOT NULL")
    with op.batch_alter_table("mail") as batch_op:
        for name, sort in OF_DOCUMENTS:
            batch_op.alter_column(name, existing_type=sort, nullable=True)
    op.create_table(
        "told",
        sa.Column("company_id", ROW_ID, nullable=False),
        sa.Column("need", _words("need", NEEDS), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        _of_company("told"),
        sa.PrimaryKeyConstraint("company_id", "need", name=op.f("pk_told")),
    )
    op.create_table(
        "need_change",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("company_id", ROW_ID, nullable=False),
        sa.Column("need", _words("need", NEEDS), nullable=False),
        sa.Column("appeared", sa.Boolean(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        _of_company("need_change"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_need_change")),
    )
    op.create_index("ix_need_change_company", "need_change", ["company_id", "id"])
    op.create_index(op.f("ix_need_change_at"), "need_change", ["at"])
    op.create_table(
        "subscription",
        sa.Column("company_id", ROW_ID, nullable=False),
        sa.Column("user_id", ROW_ID, nullable=False),
        sa.Column("how_often", _words("how_often", ("at_once", "daily")), nullable=False),
        sa.Column("told_to", ROW_ID, nullable=False),
        sa.Column("turn_at", MOMENT, nullable=True),
        _of_company("subscription"),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_subscription_user_id_user_account"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("company_id", "user_id", name=op.f("pk_subscription")),
    )
    op.create_index(op.f("ix_subscription_user_id"), "subscription", ["user_id"])
    op.create_table(
        "receiver",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("company_id", ROW_ID, nullable=False),
        sa.Column("address", sa.String(500), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("secret_at", MOMENT, nullable=False),
        sa.Column("failing_since", MOMENT, nullable=True),
        sa.Column("off_at", MOMENT, nullable=True),
        _of_company("receiver"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receiver")),
        sa.UniqueConstraint("company_id", name=op.f("uq_receiver_company_id")),
    )
    op.create_table(
        "delivery",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("company_id", ROW_ID, nullable=False),
        sa.Column("receiver_id", ROW_ID, nullable=False),
        sa.Column("message_id", sa.String(64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("lasting", sa.Boolean(), nullable=False),
        sa.Column("state", _words("delivery_state", ("waiting", "delivered", "failed")), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(255), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        _of_company("delivery"),
        sa.ForeignKeyConstraint(["receiver_id"], ["receiver.id"], name=op.f("fk_delivery_receiver_id_receiver"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sa.UniqueConstraint("message_id", name=op.f("uq_delivery_message_id")),
    )
    op.create_index(op.f("ix_delivery_company_id"), "delivery", ["company_id"])
    op.create_index("ix_delivery_receiver", "delivery", ["receiver_id", "id"])
    _open_index("ix_delivery_waiting", "delivery", ["due_at"], "state = 'waiting'")


def downgrade() -> None:
    for table in ("delivery", "receiver", "subscription", "need_change", "told"):
        op.drop_table(table)
    op.execute("DELETE FROM mail WHERE record_id IS NULL")
    with op.batch_alter_table("mail") as batch_op:
        for name, sort in OF_DOCUMENTS:
            batch_op.alter_column(name, existing_type=sort, nullable=False)
    op.drop_index("ix_link_blocked", table_name="link")
    op.drop_index("ix_link_changed", table_name="link")
    op.drop_index("ix_sync_job_ended", table_name="sync_job")
    op.drop_column("sync_attempt", "correlation")
    op.drop_column("sync_job", "request_id")


def _words(name: str, words: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=20)


def _of_company(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f(f"fk_{table}_company_id_company"), ondelete="CASCADE")


def _open_index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
