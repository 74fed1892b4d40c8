"""Progress as server-sent events: the whole status document at each change, until the final one."""

from __future__ import annotations

from collections.abc import AsyncIterator

from sse_starlette import ServerSentEvent

from results_api.database.recording import Recording
from results_api.http.reading import Reading
from results_api.http.watching import Watching

HEARTBEAT_S = 15
"""Proxies close connections that are silent for a minute or so."""


def has_all(recording: Recording, last_event_id: str | None) -> bool:
    """Whether a client that got the event ``last_event_id`` has nothing more to expect."""
    return recording.is_final and last_event_id == str(recording.revision)


async def events(
    reading: Reading, watching: Watching, recording: Recording, *, last_event_id: str | None
) -> AsyncIterator[ServerSentEvent]:
    """``progress`` events, and one of ``completed``, ``failed`` or ``deleted``, which ends the stream.

    The id of an event is the revision it shows: a client that comes back with the last one it
    has gets what is newer. The stream ends early when the process stops.
    """
    with watching.watch(recording.media_id, recording.revision) as watcher:
        if last_event_id != str(recording.revision):
            yield await _event(reading, recording)
        while not recording.is_final and await watcher.news():
            latest = await reading.find(recording.media_id)
            if latest is None:
                return
            recording = latest
            yield await _event(reading, recording)


async def _event(reading: Reading, recording: Recording) -> ServerSentEvent:
    document = await reading.document(recording)
    kind = recording.status if recording.is_final else "progress"
    return ServerSentEvent(document.model_dump_json(), event=kind, id=str(recording.revision))
