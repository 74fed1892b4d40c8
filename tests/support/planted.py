"""A real recording in whose words faults were planted: a stretch of them is gone, and a sentence is made up."""

from __future__ import annotations

import asyncio
import io
from dataclasses import dataclass
from pathlib import Path

import jiwer
import numpy as np
import soundfile

from ingest.decode.file import decode_file
from ingest.normaliser import facts
from polyvox import keys, weights
from polyvox.cli.demo import sample
from polyvox.contracts import (
    Diarization,
    Fact,
    MediaDiarized,
    MediaUploaded,
    PartReady,
    PartTranscribed,
    PartWords,
    SpeechRegion,
    Transcript,
    Turn,
    Word,
    encode,
    wrap,
)
from polyvox.contracts.media_uploaded import StoredObject
from polyvox.ids import new_media_id
from polyvox.ports import Message
from tests.support.audio_files import RATE_HZ, read_audio
from tests.support.diarized_sample import reference_turns
from tests.support.results import Results
from tests.support.stages import START
from transcriber.engines.base import TranscribeOptions
from transcriber.engines.registry import load
from transcriber.handler import part_words

SILENCE_S = 6.0
"""Before the first word: there the sentence is made up."""
MISSING_S = (14.0, 21.0)
MADE_UP = "Thanks for watching this video."


@dataclass(frozen=True)
class Planted:
    """``words``: what was said, with times; ``missing_s``: where its words were taken out."""

    media_id: str
    messages: list[Message]
    words: list[Word]
    missing_s: tuple[float, float] = MISSING_S
    made_up: str = MADE_UP

    def words_of(self, transcript: Transcript) -> str:
        """The transcript's words from shortly before the missing stretch until shortly after it."""
        words = [word for segment in transcript.segments for word in segment.words]
        return _between([Word(start_s=w.start, end_s=w.end, text=w.word, probability=1) for w in words])

    def errors(self, said: str) -> int:
        """Words that are wrong, missing or too many."""
        result = jiwer.process_words(_between(self.words), said)
        return int(result.substitutions + result.deletions + result.insertions)


async def planted(world: Results, folder: Path) -> Planted:
    """Everything stored, events to be appended; the stages' artifacts are real but for the faults."""
    media_id = new_media_id(START)
    wave = np.concatenate([np.zeros(int(SILENCE_S * RATE_HZ), np.float32), read_audio(sample())])
    original = io.BytesIO()
    soundfile.write(original, wave, RATE_HZ, format="WAV", subtype="PCM_16")
    original.seek(0)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "audio.flac").open("w+b") as target:
        decoded = decode_file(original, target, part_max_s=600.0, max_duration_s=3600.0)
    await world.store.put(keys.audio(media_id), (folder / "audio.flac").read_bytes())
    upload = MediaUploaded(
        media_id=media_id, original=StoredObject(key=keys.original(media_id), size_bytes=1), uploaded_at=START
    )
    await world.store.put(keys.original(media_id), b"x")
    ready, part = facts(upload, decoded)
    assert isinstance(part, PartReady)
    true = await asyncio.to_thread(_words, part, wave, world.runtime.settings.weights_dir)
    words_key = keys.words(media_id, 0, "f" * 12)
    await world.store.put(words_key, _faulty(true).model_dump_json().encode())
    transcribed = PartTranscribed(
        media_id=media_id,
        part=0,
        part_count=1,
        words_key=words_key,
        options_hash="f" * 12,
        engine=true.engine,
        model=true.model,
        language=true.language,
        word_count=len(true.words),
        audio_s=part.end_s,
    )
    diarization_key = keys.diarization(media_id, "f" * 12)
    await world.store.put(diarization_key, _turns(media_id, part.end_s).model_dump_json().encode())
    diarized = MediaDiarized(
        media_id=media_id,
        diarization_key=diarization_key,
        options_hash="f" * 12,
        engine="pyannote",
        model="builtin",
        speaker_count=2,
        audio_s=part.end_s,
    )
    events: list[Fact] = [upload, ready, transcribed, diarized]
    messages = [
        Message(fact.TOPIC, key=media_id, value=encode(wrap(fact, source="/tests", time=START))) for fact in events
    ]
    return Planted(media_id, messages, list(true.words))


def _words(part: PartReady, wave: np.ndarray, weights_dir: Path) -> PartWords:  # type: ignore[type-arg]
    weights.pull("whisper-base", weights_dir)
    options = TranscribeOptions(language="en")
    engine = load("whisper", weights_dir=weights_dir, device="cpu", threads=2)
    return part_words(part, "whisper", options, engine.transcribe(wave, options))


def _faulty(true: PartWords) -> PartWords:
    made_up = [
        Word(start_s=1.0 + n * 0.4, end_s=1.3 + n * 0.4, text=f" {text}", probability=0.6)
        for n, text in enumerate(MADE_UP.split())
    ]
    kept = [word for word in true.words if not MISSING_S[0] <= (word.start_s + word.end_s) / 2 <= MISSING_S[1]]
    return true.model_copy(update={"words": [*made_up, *kept]})


def _turns(media_id: str, duration_s: float) -> Diarization:
    turns = [
        Turn(start_s=turn.start_s + SILENCE_S, end_s=turn.end_s + SILENCE_S, speaker=turn.speaker)
        for turn in sorted(reference_turns(), key=lambda turn: turn.start_s)
    ]
    return Diarization(
        media_id=media_id,
        duration_s=duration_s,
        turns=turns,
        exclusive_turns=turns,
        speech=[SpeechRegion(start_s=turn.start_s, end_s=turn.end_s) for turn in turns],
        engine="pyannote",
        model="builtin",
    )


def _between(words: list[Word]) -> str:
    near = [word for word in words if MISSING_S[0] - 3 <= word.start_s <= MISSING_S[1] + 3]
    return " ".join("".join(c for c in word.text.casefold() if c.isalnum()) for word in near)
