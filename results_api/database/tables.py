"""The tables of the results database. Changes need a migration in results_api/database/migrations."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

recordings = sa.Table(
    "recordings",
    metadata,
    sa.Column("media_id", sa.String(64), primary_key=True),
    # Grows with every change; a writer says which revision it read, so that none is lost.
    sa.Column("revision", sa.BigInteger, nullable=False),
    # JSON of a RecordingView, and of an Outcome: the truth. The columns below are made from them, to list by.
    sa.Column("view", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text),
    sa.Column("planned_version", sa.Integer, nullable=False),
    sa.Column("planned_basis", sa.String(64)),
    sa.Column("removed", sa.Boolean, nullable=False),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("progress", sa.Float, nullable=False),
    # Microseconds since 1970, UTC: the same on every database, and exact for cursors.
    sa.Column("created_at_us", sa.BigInteger),
    sa.Column("updated_at_us", sa.BigInteger, nullable=False),
    sa.Column("ended_at_us", sa.BigInteger),
    sa.Column("filename", sa.Text),
    sa.Column("filename_folded", sa.Text),
    sa.Column("language", sa.Text),
    sa.Column("duration_s", sa.Float),
    sa.Column("labels", sa.Text, nullable=False),
    sa.Column("failure", sa.Text),
    # Added up by results_api/backlog; NULL in rows from before, which count as recordings without length.
    sa.Column("lane", sa.String(16)),
    sa.Column("normalise_s", sa.Float),
    sa.Column("transcribe_s", sa.Float),
    sa.Column("diarize_s", sa.Float),
    # In rows of recordings that are not deleted; what is half removed is found by an index of its own.
    sa.Column("audio_removed_at_us", sa.BigInteger),
    sa.Index("recordings_by_time", "created_at_us", "media_id"),
    sa.Index("recordings_by_status", "status", "created_at_us", "media_id"),
    sa.Index("recordings_by_language", "language", "created_at_us", "media_id"),
)


def _is_none_of(*statuses: str) -> sa.ColumnElement[bool]:
    """Said by what it is not, or the index by status would be taken instead of those below, and read as a whole.

    Literally, not with parameters: an index of some rows is used for queries that say which in its own words.
    """
    return recordings.c.status.not_in([sa.literal_column(f"'{status}'", sa.String) for status in statuses])


FINISHED = _is_none_of("queued", "processing", "deleted")
WITH_AUDIO = FINISHED & recordings.c.audio_removed_at_us.is_(None)
TO_REMOVE = _is_none_of("queued", "processing", "completed", "failed") & recordings.c.removed.is_(False)
AUDIO_TO_REMOVE = recordings.c.audio_removed_at_us.is_not(None) & recordings.c.removed.is_(False)

for _name, _columns, _where in (
    # What retention removes next is looked up by tenant and age among what it may remove.
    ("recordings_by_age", ("tenant", "created_at_us", "media_id"), FINISHED),
    ("recordings_by_audio_age", ("tenant", "created_at_us", "media_id"), WITH_AUDIO),
    ("recordings_to_remove", ("updated_at_us",), TO_REMOVE),
    ("recordings_audio_to_remove", ("updated_at_us",), AUDIO_TO_REMOVE),
):
    sa.Index(_name, *(recordings.c[column] for column in _columns), sqlite_where=_where, postgresql_where=_where)

plans = sa.Table(
    "plans",
    metadata,
    # What is decided to be published and is not yet known to be.
    sa.Column("media_id", sa.String(64), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("basis", sa.String(64), nullable=False),
    sa.Column("view", sa.Text, nullable=False),
    sa.Column("lost", sa.Text, nullable=False),
    sa.Column("planned_at_us", sa.BigInteger, nullable=False),
)

labels = sa.Table(
    "labels",
    metadata,
    # One row per metadata entry, found by a hash: keys and values may be of any length and form.
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("media_id", sa.String(64), primary_key=True),
    sa.Index("labels_by_recording", "media_id"),
)

replays = sa.Table(
    "replays",
    metadata,
    # What was ordered to run again, and how far the asking is.
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("created_at_us", sa.BigInteger, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("asked", sa.Boolean, nullable=False),
    sa.Column("cursor", sa.Text),
    sa.Column("requested", sa.Integer, nullable=False),
    # Until then somebody is at it.
    sa.Column("claimed_until_us", sa.BigInteger, nullable=False),
)

replayed = sa.Table(
    "replayed",
    metadata,
    # How each recording of a replay fares; made from the recording's view.
    sa.Column("replay", sa.String(64), primary_key=True),
    sa.Column("media_id", sa.String(64), primary_key=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("reason", sa.Text),
)

retention = sa.Table(
    "retention",
    metadata,
    # How many recordings went because of their age: audio or text, of a tenant, on a day (UTC, as 2026-03-01).
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("what", sa.String(16), primary_key=True),
    sa.Column("day", sa.String(10), primary_key=True),
    sa.Column("recordings", sa.BigInteger, nullable=False),
)

webhooks = sa.Table(
    "webhooks",
    metadata,
    # Who is told how recordings end. The secret signs, so it has to be kept as it is.
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("types", sa.Text, nullable=False),
    sa.Column("tenant", sa.Text),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("secret", sa.Text, nullable=False),
    sa.Column("created_at_us", sa.BigInteger, nullable=False),
    sa.Column("disabled_at_us", sa.BigInteger),
)

webhook_deliveries = sa.Table(
    "webhook_deliveries",
    metadata,
    # What each of them is told, and how that fares. The event's id goes with every attempt.
    sa.Column("webhook_id", sa.String(64), primary_key=True),
    sa.Column("event_id", sa.String(64), primary_key=True),
    sa.Column("type", sa.String(32), nullable=False),
    sa.Column("media_id", sa.String(64), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("next_at_us", sa.BigInteger, nullable=False),
    # Until then somebody is at it.
    sa.Column("claimed_until_us", sa.BigInteger, nullable=False),
    sa.Column("created_at_us", sa.BigInteger, nullable=False),
    sa.Column("ended_at_us", sa.BigInteger),
    # JSON of the latest attempts.
    sa.Column("attempts", sa.Text, nullable=False),
    sa.Index("webhook_deliveries_by_due", "state", "next_at_us"),
    sa.Index("webhook_deliveries_by_time", "webhook_id", "created_at_us", "event_id"),
    sa.Index("webhook_deliveries_by_recording", "media_id"),
)

searchable = sa.Table(
    "searchable",
    metadata,
    # Which version of a recording can be searched; ``block`` numbers its segments (results_api/database/searchable.py).
    sa.Column("block", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("media_id", sa.String(64), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Index("searchable_by_recording", "media_id", unique=True),
    sqlite_autoincrement=True,
)

segments = sa.Table(
    "segments",
    metadata,
    # What is shown. The words by which they are found are in ``segment_words`` (FTS5), which SQLite keeps in tables
    # of its own, or in the column ``words`` (tsvector) on PostgreSQL.
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
    sa.Column("start_s", sa.Float, nullable=False),
    sa.Column("end_s", sa.Float, nullable=False),
    sa.Column("speaker", sa.Text),
    sa.Column("label", sa.Text),
    sa.Column("language", sa.Text),
    sa.Column("text", sa.Text, nullable=False),
)

people = sa.Table(
    "people",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    # How the person agreed, in the words of whoever enrolled them.
    sa.Column("consent", sa.Text, nullable=False),
    sa.Column("created_at_us", sa.BigInteger, nullable=False),
    sa.Index("people_by_name", "tenant", "name", unique=True),
)

voices = sa.Table(
    "voices",
    metadata,
    # The speaker of a recording, and the vector of their voice as a JSON list, comparable with those of its model.
    sa.Column("person", sa.String(64), primary_key=True),
    sa.Column("media_id", sa.String(64), primary_key=True),
    sa.Column("speaker", sa.Text, primary_key=True),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("vector", sa.Text, nullable=False),
    sa.Column("speech_s", sa.Float, nullable=False),
    sa.Column("created_at_us", sa.BigInteger, nullable=False),
)

named = sa.Table(
    "named",
    metadata,
    # In which results a person is named. A row whose person is gone says what is still to be taken out of where.
    sa.Column("media_id", sa.String(64), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("person", sa.String(64), primary_key=True),
    sa.Index("named_by_person", "person"),
)
