"""PostgreSQL's index of words with their marks (see windows.py): what it is called and what it is made of.

Migration 9 says the same where there are no segments yet.
"""

from __future__ import annotations

INDEX, OLDER = "segments_by_words_and_marks", "segments_by_words"
"""Which took the other's place."""
MARKS = "ARRAY[(id >> 24) * 4, (id >> 28) * 4 + 1, (id >> 32) * 4 + 2, (id >> 36) * 4 + 3]"
"""Of a segment, one for each of windows.LEVELS: as the index was made with, to the letter, or it is not used."""
# What waits for the index to be flushed is gone through by every question: a tenth of what the server allows.
CREATE = (
    f"CREATE INDEX CONCURRENTLY {INDEX} ON segments USING gin (words, ({MARKS})) WITH (gin_pending_list_limit = 512)"
)
