"""Enrolled people, their voices, and in which results they are named."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "people",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("consent", sa.Text, nullable=False),
        sa.Column("created_at_us", sa.BigInteger, nullable=False),
    )
    op.create_index("people_by_name", "people", ["tenant", "name"], unique=True)
    op.create_table(
        "voices",
        sa.Column("person", sa.String(64), primary_key=True),
        sa.Column("media_id", sa.String(64), primary_key=True),
        sa.Column("speaker", sa.Text, primary_key=True),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("vector", sa.Text, nullable=False),
        sa.Column("speech_s", sa.Float, nullable=False),
        sa.Column("created_at_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "named",
        sa.Column("media_id", sa.String(64), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("person", sa.String(64), primary_key=True),
    )
    op.create_index("named_by_person", "named", ["person"])


def downgrade() -> None:
    op.drop_table("named")
    op.drop_table("voices")
    op.drop_table("people")
