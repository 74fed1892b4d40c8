"""``stream=true``: the transcript as server-sent events, as it is written.

``transcript.text.delta`` for each sentence, ``transcript.text.segment`` where speakers are asked for, and
``transcript.text.done`` at the end; ``error`` where there will be none.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from sse_starlette import ServerSentEvent

from ingest.answering.openai.deltas import deltas, letters, settled_s
from ingest.answering.openai.documents import diarized_segments, logprobs, segment_id
from ingest.answering.openai.fields import Asked
from ingest.answering.transcribing import Taken, Transcribing
from polyvox.contracts import Transcript
from polyvox.errors import PolyvoxError
from polyvox.http import Problem, openai_errors
from polyvox.http.problems import from_error, internal

log = logging.getLogger(__name__)

HEARTBEAT_S = 15
"""Proxies close connections that are silent for a minute or so."""


async def events(transcribing: Transcribing, taken: Taken, asked: Asked) -> AsyncGenerator[ServerSentEvent, None]:
    """All events of one recording; a failure is the last of them."""
    try:
        async with transcribing.kept_if_answered(taken), aclosing(_told(transcribing, taken, asked)) as told:
            async for document in told:
                yield _event(document["type"], document)
    except Exception as error:
        problem = _problem(error)
        if problem.status >= 500:
            log.warning("the stream of %s ended early", taken.media_id, exc_info=error)
        yield _event("error", openai_errors.document(problem))


async def _told(transcribing: Transcribing, taken: Taken, asked: Asked) -> AsyncGenerator[dict[str, Any], None]:
    client, media_id = taken.client, taken.media_id
    by_speaker = asked.response_format == "diarized_json"
    sent, known_s = 0, 0.0
    async with aclosing(transcribing.states(client, media_id)) as states:
        async for state in states:
            until_s = settled_s(state.document.get("parts") or [])
            # Who speaks is not known before the end.
            if by_speaker or state.is_final or until_s <= known_s:
                continue
            known_s = until_s
            for piece in deltas(await client.transcript(media_id), sent, until_s):
                sent += letters(piece)
                yield {"type": "transcript.text.delta", "delta": piece}
    transcript = await client.transcript(media_id)
    if by_speaker:
        for document in _by_speaker(transcript):
            yield document
    else:
        for piece in deltas(transcript, sent):
            yield {"type": "transcript.text.delta", "delta": piece}
    yield _done(transcript, asked)


def _by_speaker(transcript: Transcript) -> list[dict[str, Any]]:
    documents: list[dict[str, Any]] = []
    segments = diarized_segments(transcript)
    for spoken, segment, piece in zip(transcript.segments, segments, deltas(transcript, 0), strict=False):
        documents.append({"type": "transcript.text.delta", "delta": piece, "segment_id": segment_id(spoken)})
        documents.append(segment)
    return documents


def _done(transcript: Transcript, asked: Asked) -> dict[str, Any]:
    document: dict[str, Any] = {"type": "transcript.text.done", "text": transcript.text}
    if asked.logprobs:
        document["logprobs"] = logprobs(word for segment in transcript.segments for word in segment.words)
    return document


def _problem(error: Exception) -> Problem:
    match error:
        case Problem():
            return error
        case PolyvoxError():
            return from_error(error)
    return internal()


def _event(name: str, document: dict[str, Any]) -> ServerSentEvent:
    return ServerSentEvent(json.dumps(document, ensure_ascii=False), event=name, sep="\n")
