"""Drift."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("link") as batch_op:
        batch_op.add_column(
            sa.Column("merged_into_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
        )
        where = sa.text("merged_into_id IS NOT NULL")
        batch_op.create_index(
            "ix_link_merged", ["connection_id", "merged_into_id"], sqlite_where=where, postgresql_where=where
        )
    op.create_table('reconciliation',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('company_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('connection_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('sync_job_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
        sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('differences', sa.Integer(), nullable=False),
        sa.Column('complete', sa.Boolean(), nullable=False),
        sa.Column('calls', sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_reconciliation_company_id_company'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['connection_id'], ['connection.id'], name=op.f('fk_reconciliation_connection_id_connection'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['sync_job_id'], ['sync_job.id'], name=op.f('fk_reconciliation_sync_job_id_sync_job'), ondelete='SET NULL'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_reconciliation'))
    )
    op.create_index('ix_reconciliation_connection', 'reconciliation', ['connection_id', 'id'], unique=False)
    op.create_index(op.f('ix_reconciliation_sync_job_id'), 'reconciliation', ['sync_job_id'], unique=False)
    op.create_table('compared_list',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('reconciliation_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('resource', sa.String(length=40), nullable=False),
        sa.Column('provider_time', sa.DateTime(timezone=True), nullable=True),
        sa.Column('next_page', sa.Integer(), nullable=False),
        sa.Column('page_count', sa.Integer(), nullable=True),
        sa.Column('item_count', sa.Integer(), nullable=True),
        sa.Column('passes', sa.Integer(), nullable=False),
        sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('complete', sa.Boolean(), nullable=False),
        sa.Column('counts', sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(['reconciliation_id'], ['reconciliation.id'], name=op.f('fk_compared_list_reconciliation_id_reconciliation'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_compared_list'))
    )
    op.create_index('ix_compared_list_reconciliation', 'compared_list', ['reconciliation_id', 'resource'], unique=False)
    op.create_table('compared_seen',
        sa.Column('list_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('kind', sa.String(length=40), nullable=False),
        sa.Column('external_id', sa.String(length=64), nullable=False),
        sa.Column('known', sa.Boolean(), nullable=False),
        sa.Column('wanted', sa.Boolean(), nullable=False),
        sa.Column('explained', sa.String(length=20), nullable=True),
        sa.ForeignKeyConstraint(['list_id'], ['compared_list.id'], name=op.f('fk_compared_seen_list_id_compared_list'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('list_id', 'kind', 'external_id', name=op.f('pk_compared_seen'))
    )
    op.create_table('drift',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('company_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('connection_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('kind', sa.String(length=40), nullable=False),
        sa.Column('record_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
        sa.Column('external_id', sa.String(length=64), nullable=False),
        sa.Column('name', sa.String(length=255), nullable=False),
        sa.Column('cause', sa.Enum('deleted_there', 'archived_there', 'voided_there', 'merged_there', 'alive_there', 'edited_silently', 'edited_there', 'renamed_there', 'marks_moved', 'made_there', 'changed_here', name='drift_cause', native_enum=False, create_constraint=True, length=20), nullable=False),
        sa.Column('differences', sa.JSON(), nullable=False),
        sa.Column('payload', sa.JSON(), nullable=True),
        sa.Column('version', sa.String(length=64), nullable=True),
        sa.Column('fingerprint', sa.String(length=64), nullable=False),
        sa.Column('because_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
        sa.Column('reconciliation_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
        sa.Column('found_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('seen_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('found_by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
        sa.Column('taking_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
        sa.Column('left_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('settled_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('settled', sa.Enum('theirs', 'ours', 'created_again', 'unlinked', 'by_itself', name='drift_settled', native_enum=False, create_constraint=True, length=20), nullable=True),
        sa.Column('user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
        sa.ForeignKeyConstraint(['because_id'], ['drift.id'], name=op.f('fk_drift_because_id_drift'), ondelete='SET NULL'),
        sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_drift_company_id_company'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['connection_id'], ['connection.id'], name=op.f('fk_drift_connection_id_connection'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['found_by_id'], ['sync_job.id'], name=op.f('fk_drift_found_by_id_sync_job'), ondelete='SET NULL'),
        sa.ForeignKeyConstraint(['reconciliation_id'], ['reconciliation.id'], name=op.f('fk_drift_reconciliation_id_reconciliation'), ondelete='SET NULL'),
        sa.ForeignKeyConstraint(['taking_id'], ['sync_job.id'], name=op.f('fk_drift_taking_id_sync_job'), ondelete='SET NULL'),
        sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], name=op.f('fk_drift_user_id_user_account'), ondelete='SET NULL'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_drift'))
    )
    op.create_index(op.f('ix_drift_because_id'), 'drift', ['because_id'], unique=False)
    op.create_index('ix_drift_company', 'drift', ['company_id', 'settled_at'], unique=False)
    op.create_index(op.f('ix_drift_found_by_id'), 'drift', ['found_by_id'], unique=False)
    op.create_index(op.f('ix_drift_reconciliation_id'), 'drift', ['reconciliation_id'], unique=False)
    op.create_index(op.f('ix_drift_taking_id'), 'drift', ['taking_id'], unique=False)
    op.create_index('ix_drift_record', 'drift', ['kind', 'record_id'], unique=False)
    op.create_index('uq_drift_open', 'drift', ['connection_id', 'kind', 'external_id'], unique=True, sqlite_where=sa.text('settled_at IS NULL'), postgresql_where=sa.text('settled_at IS NULL'))


def downgrade() -> None:
    op.drop_table("drift")
    op.drop_table("compared_seen")
    op.drop_table("compared_list")
    op.drop_table("reconciliation")
    with op.batch_alter_table("link") as batch_op:
        batch_op.drop_index("ix_link_merged")
        batch_op.drop_column("merged_into_id")
