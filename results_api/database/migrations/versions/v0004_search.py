"""What is said, to be searched: segments, and the words they are found by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

SQLITE = "sqlite"


def upgrade() -> None:
    op.create_table(
        "searchable",
        sa.Column("block", sa.BigInteger().with_variant(sa.Integer, SQLITE), primary_key=True, autoincrement=True),
        sa.Column("media_id", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("searchable_by_recording", "searchable", ["media_id"], unique=True)
    op.create_table(
        "segments",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, SQLITE), primary_key=True, autoincrement=False),
        sa.Column("start_s", sa.Float, nullable=False),
        sa.Column("end_s", sa.Float, nullable=False),
        sa.Column("speaker", sa.Text),
        sa.Column("label", sa.Text),
        sa.Column("language", sa.Text),
        sa.Column("text", sa.Text, nullable=False),
    )
    # Words come folded and cut: databases are only to keep them apart.
    if op.get_bind().dialect.name == SQLITE:
        op.execute(
            "CREATE VIRTUAL TABLE segment_words USING fts5(words, tags, tokenize='ascii', prefix='2 3', columnsize=0)"
        )
    else:
        op.execute("ALTER TABLE segments ADD COLUMN words tsvector NOT NULL")
        op.execute("CREATE INDEX segments_by_words ON segments USING gin (words)")


def downgrade() -> None:
    if op.get_bind().dialect.name == SQLITE:
        op.execute("DROP TABLE segment_words")
    op.drop_table("segments")
    op.drop_table("searchable")
