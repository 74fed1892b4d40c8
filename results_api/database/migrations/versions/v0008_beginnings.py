"""Beginnings of four letters are looked up as those of two and three are, on SQLite."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    _made_anew("2 3 4")


def downgrade() -> None:
    _made_anew("2 3")


def _made_anew(prefixes: str) -> None:
    """FTS5 keeps to the prefixes that a table was made with."""
    if op.get_bind().dialect.name != "sqlite":
        return
    options = f"tokenize='ascii', prefix='{prefixes}', columnsize=0"
    op.execute(f"CREATE VIRTUAL TABLE segment_words_anew USING fts5(words, tags, {options})")
    op.execute("INSERT INTO segment_words_anew (rowid, words, tags) SELECT rowid, words, tags FROM segment_words")
    op.execute("DROP TABLE segment_words")
    op.execute("ALTER TABLE segment_words_anew RENAME TO segment_words")
