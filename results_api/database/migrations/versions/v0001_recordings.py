"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "recordings",
        sa.Column("media_id", sa.String(64), primary_key=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("view", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text),
        sa.Column("planned_version", sa.Integer, nullable=False),
        sa.Column("planned_basis", sa.String(64)),
        sa.Column("removed", sa.Boolean, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("progress", sa.Float, nullable=False),
        sa.Column("created_at_us", sa.BigInteger),
        sa.Column("updated_at_us", sa.BigInteger, nullable=False),
        sa.Column("ended_at_us", sa.BigInteger),
        sa.Column("filename", sa.Text),
        sa.Column("filename_folded", sa.Text),
        sa.Column("language", sa.Text),
        sa.Column("duration_s", sa.Float),
        sa.Column("labels", sa.Text, nullable=False),
        sa.Column("failure", sa.Text),
    )
    op.create_index("recordings_by_time", "recordings", ["created_at_us", "media_id"])
    op.create_index("recordings_by_status", "recordings", ["status", "created_at_us", "media_id"])
    op.create_index("recordings_by_language", "recordings", ["language", "created_at_us", "media_id"])
    op.create_table(
        "plans",
        sa.Column("media_id", sa.String(64), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("basis", sa.String(64), nullable=False),
        sa.Column("view", sa.Text, nullable=False),
        sa.Column("lost", sa.Text, nullable=False),
        sa.Column("planned_at_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "labels",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("media_id", sa.String(64), primary_key=True),
    )
    op.create_index("labels_by_recording", "labels", ["media_id"])


def downgrade() -> None:
    op.drop_table("labels")
    op.drop_table("plans")
    op.drop_table("recordings")
