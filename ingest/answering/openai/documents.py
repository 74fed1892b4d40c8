"""A transcript as OpenAI's API writes it. Pure."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Mapping
from string import ascii_uppercase
from typing import Any

from ingest.answering.openai.fields import Asked
from polyvox.contracts import Transcript, TranscriptSegment, TranscriptWord
from polyvox.languages import NAMES

FRAMES_PER_S = 100
LEAST_PROBABILITY = 1e-6
"""A word of less is written as if it had this much: minus infinity is no JSON."""
UNKNOWN = "unknown"


def plain(transcript: Transcript, asked: Asked) -> dict[str, Any]:
    """``json``. Log-probabilities are those of words, each as one token."""
    document: dict[str, Any] = {"text": transcript.text, "usage": usage(transcript)}
    if asked.logprobs:
        document["logprobs"] = logprobs(word for segment in transcript.segments for word in segment.words)
    return document


def verbose(transcript: Transcript, asked: Asked) -> dict[str, Any]:
    """``verbose_json``, with the granularities asked for."""
    task = asked.wanted.options.task
    document: dict[str, Any] = {
        "task": task,
        # What is written, not what is spoken.
        "language": "english" if task == "translate" else NAMES.get(transcript.language or "", UNKNOWN),
        "duration": transcript.duration,
        "text": transcript.text,
        "usage": usage(transcript),
    }
    if "word" in asked.granularities:
        document["words"] = [
            {"word": word.word.strip(), "start": word.start, "end": word.end}
            for segment in transcript.segments
            for word in segment.words
        ]
    if "segment" in asked.granularities:
        temperature = asked.wanted.options.temperature or 0.0
        document["segments"] = [_segment(segment, temperature) for segment in transcript.segments]
    return document


def diarized(transcript: Transcript) -> dict[str, Any]:
    """``diarized_json``."""
    return {
        "task": "transcribe",
        "duration": transcript.duration,
        "text": transcript.text,
        "segments": diarized_segments(transcript),
        "usage": usage(transcript),
    }


def diarized_segments(transcript: Transcript) -> list[dict[str, Any]]:
    """Who says what; in a stream each of them is an event."""
    names = letters(transcript)
    return [
        {
            "type": "transcript.text.segment",
            "id": segment_id(segment),
            "start": segment.start,
            "end": segment.end,
            "text": segment.text,
            "speaker": names.get(segment.speaker or "", UNKNOWN),
        }
        for segment in transcript.segments
    ]


def segment_id(segment: TranscriptSegment) -> str:
    return f"seg_{segment.id}"


def letters(transcript: Transcript) -> Mapping[str, str]:
    """A, B, … for speaker ids, in the order in which they speak; AA after Z. Names that people gave stay."""
    return {
        speaker.id: _letter(number) if speaker.label == f"Speaker {number + 1}" else speaker.label
        for number, speaker in enumerate(transcript.speakers)
    }


def logprobs(words: Iterable[TranscriptWord]) -> list[dict[str, Any]]:
    return [{"token": word.word, "logprob": _logprob(word), "bytes": list(word.word.encode())} for word in words]


def usage(transcript: Transcript) -> dict[str, Any]:
    return {"type": "duration", "seconds": transcript.duration}


def _segment(segment: TranscriptSegment, temperature: float) -> dict[str, Any]:
    """Whisper's fields. Tokens are not kept; ``no_speech_prob`` is the share of words where nobody was heard."""
    words = segment.words
    suspect = sum(word.suspect for word in words) / len(words) if words else 0.0
    return {
        "id": segment.id,
        "seek": round(segment.start * FRAMES_PER_S),
        "start": segment.start,
        "end": segment.end,
        "text": segment.text,
        "tokens": [],
        "temperature": temperature,
        "avg_logprob": round(sum(map(_logprob, words)) / len(words), 4) if words else 0.0,
        "compression_ratio": round(_compression(segment.text), 4),
        "no_speech_prob": round(suspect, 4),
    }


def _logprob(word: TranscriptWord) -> float:
    return round(math.log(max(word.probability, LEAST_PROBABILITY)), 4)


def _compression(text: str) -> float:
    raw = text.encode()
    return len(raw) / len(zlib.compress(raw)) if raw else 0.0


def _letter(number: int) -> str:
    name = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, len(ascii_uppercase))
        name = ascii_uppercase[rest] + name
    return name
