"""What the stages of one recording leave behind: its objects in a store, its events for the log."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from polyvox import keys
from polyvox.audio import stream_header
from polyvox.contracts import (
    AudioTrack,
    Diarization,
    Envelope,
    Fact,
    MediaDiarized,
    MediaReady,
    MediaUploaded,
    Options,
    PartSpan,
    PartTranscribed,
    PartWords,
    SourceInfo,
    SpeakerEmbedding,
    SpeechRegion,
    Stage,
    StageFailed,
    Turn,
    Word,
    encode,
    wrap,
)
from polyvox.contracts.media_uploaded import StoredObject
from polyvox.flac_frames import HEADER_BYTES
from polyvox.ids import new_media_id
from polyvox.ports import Message, ObjectStore

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TEXT = " The first speaker asks a question. And the second one gives a long answer to it."
WORDS = [" " + word for word in TEXT.split()]


@dataclass(frozen=True)
class Recording:
    """Two people who take turns every five seconds, one word each half second."""

    parts: int = 2
    part_s: float = 10.0
    uploaded_at: datetime = START
    filename: str = "Meeting.wav"
    language: str = "en"
    options: Options = field(default_factory=Options)
    media_id: str = ""

    def __post_init__(self) -> None:
        if not self.media_id:
            object.__setattr__(self, "media_id", new_media_id(self.uploaded_at))

    @property
    def duration_s(self) -> float:
        return self.parts * self.part_s

    @property
    def upload(self) -> MediaUploaded:
        original = StoredObject(key=keys.original(self.media_id), size_bytes=8)
        return MediaUploaded(
            media_id=self.media_id,
            original=original,
            filename=self.filename,
            options=self.options,
            uploaded_at=self.uploaded_at,
        )

    @property
    def ready(self) -> MediaReady:
        spans = [
            PartSpan(
                part=n,
                start_s=n * self.part_s,
                end_s=(n + 1) * self.part_s,
                start_byte=HEADER_BYTES + 10 * n,
                end_byte=HEADER_BYTES + 10 * (n + 1),
            )
            for n in range(self.parts)
        ]
        return MediaReady(
            media_id=self.media_id,
            duration_s=self.duration_s,
            tracks=[AudioTrack(key=keys.audio(self.media_id), size_bytes=1000)],
            peaks_key=keys.peaks(self.media_id),
            parts=spans,
            source=SourceInfo(container="wav", codec="pcm_s16le", sample_rate_hz=48000, channels=2),
            options=self.options,
        )

    def transcribed(self, part: int, options_hash: str = "a" * 12) -> PartTranscribed:
        return PartTranscribed(
            media_id=self.media_id,
            part=part,
            part_count=self.parts,
            words_key=keys.words(self.media_id, part, options_hash),
            options_hash=options_hash,
            engine="ctranslate2",
            model="base",
            language=self.language,
            word_count=int(self.part_s * 2),
            audio_s=self.part_s,
            processing_s=1.5,
        )

    def diarized(self, options_hash: str = "b" * 12) -> MediaDiarized:
        return MediaDiarized(
            media_id=self.media_id,
            diarization_key=keys.diarization(self.media_id, options_hash),
            options_hash=options_hash,
            engine="pyannote",
            model="builtin",
            speaker_count=2,
            audio_s=self.duration_s,
        )

    def failed(self, stage: Stage, part: int | None = None, reason: str = "It broke.") -> StageFailed:
        return StageFailed(media_id=self.media_id, stage=stage, part=part, code="broken", reason=reason)

    @property
    def facts(self) -> list[Fact]:
        """Everything that happens when all goes well."""
        words = [self.transcribed(part) for part in range(self.parts)]
        return [self.upload, self.ready, *words, self.diarized()]

    def event(self, fact: Fact, second: float = 0.0) -> Envelope[Any]:
        return wrap(fact, source="/tests", time=self.uploaded_at + timedelta(seconds=second))

    def message(self, fact: Fact, second: float = 0.0) -> Message:
        return Message(fact.TOPIC, key=fact.media_id, value=encode(self.event(fact, second)))

    def messages(self, facts: Sequence[Fact] | None = None) -> list[Message]:
        """``facts``, or all, told a second apart."""
        return [self.message(fact, second) for second, fact in enumerate(self.facts if facts is None else facts)]

    def words(self, part: int) -> PartWords:
        start_s = part * self.part_s
        return PartWords(
            media_id=self.media_id,
            part=part,
            start_s=start_s,
            end_s=start_s + self.part_s,
            language=self.language,
            words=[
                Word(
                    start_s=start_s + n / 2,
                    end_s=start_s + n / 2 + 0.4,
                    text=WORDS[n % len(WORDS)],
                    probability=0.9,
                )
                for n in range(int(self.part_s * 2))
            ],
            speech=[SpeechRegion(start_s=start_s, end_s=start_s + self.part_s)],
            engine="ctranslate2",
            model="base",
        )

    def diarization(self, speakers: int = 2) -> Diarization:
        turns = [
            Turn(start_s=n * 5.0, end_s=min((n + 1) * 5.0, self.duration_s), speaker=f"S{n % speakers + 1}")
            for n in range(int(-(-self.duration_s // 5)))
        ]
        return Diarization(
            media_id=self.media_id,
            duration_s=self.duration_s,
            turns=turns,
            exclusive_turns=turns,
            speech=[SpeechRegion(start_s=0.0, end_s=self.duration_s)],
            speakers=[SpeakerEmbedding(speaker=f"S{n + 1}", vector=[1.0, 0.0], speech_s=5.0) for n in range(speakers)],
            engine="pyannote",
            model="builtin",
        )

    async def accept(self, store: ObjectStore) -> None:
        """What ingest stores before it answers."""
        await store.put(keys.original(self.media_id), b"original")
        manifest = self.upload.model_dump_json(exclude_none=True).encode()
        await store.put(keys.upload_manifest(self.media_id), manifest)

    async def decode(self, store: ObjectStore) -> None:
        """The normaliser's objects; the audio is a header and noise."""
        header = stream_header(4096)
        noise = random.Random(self.media_id).randbytes(1000 - len(header))
        await store.put(keys.audio(self.media_id), header + noise, content_type="audio/flac")
        await store.put(keys.peaks(self.media_id), b'{"peaks": [0, 1]}', content_type="application/json")

    async def transcribe(self, store: ObjectStore, *parts: int, options_hash: str = "a" * 12) -> None:
        for part in parts or range(self.parts):
            body = self.words(part).model_dump_json().encode()
            await store.put(keys.words(self.media_id, part, options_hash), body)

    async def diarize(self, store: ObjectStore, *, speakers: int = 2, options_hash: str = "b" * 12) -> None:
        body = self.diarization(speakers).model_dump_json().encode()
        await store.put(keys.diarization(self.media_id, options_hash), body)

    async def store_all(self, store: ObjectStore) -> None:
        """Every object there is when all stages are through."""
        await self.accept(store)
        await self.decode(store)
        await self.transcribe(store)
        await self.diarize(store)
