"""When audio went, what is due to go by age, and how much went."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

FINISHED = "status NOT IN ('queued', 'processing', 'deleted')"
DELETED = "status NOT IN ('queued', 'processing', 'completed', 'failed')"
INDEXES = {
    "recordings_by_age": (["tenant", "created_at_us", "media_id"], FINISHED),
    "recordings_by_audio_age": (["tenant", "created_at_us", "media_id"], f"{FINISHED} AND audio_removed_at_us IS NULL"),
    "recordings_to_remove": (["updated_at_us"], f"{DELETED} AND removed IS {{false}}"),
    "recordings_audio_to_remove": (["updated_at_us"], "audio_removed_at_us IS NOT NULL AND removed IS {false}"),
}


def upgrade() -> None:
    op.add_column("recordings", sa.Column("audio_removed_at_us", sa.BigInteger))
    false = "0" if op.get_bind().dialect.name == "sqlite" else "false"
    for name, (columns, which) in INDEXES.items():
        where = sa.text(which.format(false=false))
        op.create_index(name, "recordings", columns, sqlite_where=where, postgresql_where=where)
    op.create_table(
        "retention",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("what", sa.String(16), primary_key=True),
        sa.Column("day", sa.String(10), primary_key=True),
        sa.Column("recordings", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("retention")
    for name in INDEXES:
        op.drop_index(name, "recordings")
    op.drop_column("recordings", "audio_removed_at_us")
