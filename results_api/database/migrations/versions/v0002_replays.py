"""Stages that run again over recordings that have a result."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "replays",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("created_at_us", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("asked", sa.Boolean, nullable=False),
        sa.Column("cursor", sa.Text),
        sa.Column("requested", sa.Integer, nullable=False),
        sa.Column("claimed_until_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "replayed",
        sa.Column("replay", sa.String(64), primary_key=True),
        sa.Column("media_id", sa.String(64), primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text),
    )


def downgrade() -> None:
    op.drop_table("replayed")
    op.drop_table("replays")
