"""What waits for each stage, to be added up by tenant and lane."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    for column in (
        sa.Column("lane", sa.String(16)),
        sa.Column("normalise_s", sa.Float),
        sa.Column("transcribe_s", sa.Float),
        sa.Column("diarize_s", sa.Float),
    ):
        op.add_column("recordings", column)


def downgrade() -> None:
    for name in ("diarize_s", "transcribe_s", "normalise_s", "lane"):
        op.drop_column("recordings", name)
