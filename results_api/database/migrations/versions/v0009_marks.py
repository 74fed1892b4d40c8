"""PostgreSQL's index of words knows which stretch of recordings a segment is of.

Where there are segments it is made by the projection, beside what else is written (results_api/search/reindexing.py).
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

# As in results_api/search/words_index.py.
MARKS = "(id >> 24) * 4, (id >> 28) * 4 + 1, (id >> 32) * 4 + 2, (id >> 36) * 4 + 3"


def upgrade() -> None:
    bind = op.get_bind()
    if bind.dialect.name == "sqlite" or bind.scalar(sa.text("SELECT EXISTS (SELECT 1 FROM segments)")):
        return
    op.execute(
        f"CREATE INDEX segments_by_words_and_marks ON segments USING gin (words, (ARRAY[{MARKS}]))"
        " WITH (gin_pending_list_limit = 512)"
    )
    op.execute("DROP INDEX segments_by_words")


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        return
    op.execute("CREATE INDEX IF NOT EXISTS segments_by_words ON segments USING gin (words)")
    op.execute("DROP INDEX IF EXISTS segments_by_words_and_marks")
