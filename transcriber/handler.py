"""part-ready → part-transcribed: fetch the part's audio, get its words, store them, say so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from polyvox import keys
from polyvox.audio import fetch_slice
from polyvox.contracts import (
    Envelope,
    LanguageGuess,
    Options,
    PartReady,
    PartTranscribed,
    PartWords,
    RetakeReady,
    SpeechRegion,
    SuspectWords,
    Word,
)
from polyvox.errors import NotFound, PolyvoxError, Transient, WeightsMissing
from polyvox.failures import stage_failed
from polyvox.ports import Clock, ObjectStore
from polyvox.publish import Publisher
from transcriber.engines.base import TranscribeOptions, Transcription

Transcribe = Callable[[bytes, str, TranscribeOptions], Awaitable[Transcription]]
"""FLAC of a part, engine and options to words, times from the start of the part."""

Provide = Callable[[str], Awaitable[None]]
"""Sees to it that the weights of a model are here."""

Measure = Callable[[PartReady | RetakeReady, str, str, Transcription], None]
"""Counts what an engine and a model have just done."""


def _unmeasured(_part: PartReady | RetakeReady, _engine: str, _model: str, _result: Transcription) -> None:
    """For handlers that nobody measures."""


class Handler:
    """Idempotent: the words of a part lie under a key made of what was asked for; what lies there is done."""

    def __init__(
        self,
        store: ObjectStore,
        publisher: Publisher,
        clock: Clock,
        *,
        transcribe: Transcribe,
        provide: Provide,
        engine: str,
        model: str,
        measure: Measure = _unmeasured,
    ) -> None:
        self._store = store
        self._publisher = publisher
        self._clock = clock
        self._transcribe = transcribe
        self._provide = provide
        self._engine = engine
        self._model = model
        self._measure = measure

    async def handle(self, envelope: Envelope[Any]) -> None:
        """Handle one ``part-ready``.

        Raises:
            Invalid: the request names what does not exist, or the audio is gone or broken.
            Transient: store, log, weights or the model's process are in trouble.
        """
        part: PartReady = envelope.data
        engine, options = self.wanted(part.options)
        options_hash = options_hash_of(engine, options, forced_by=part.replay if part.force else None)
        key = keys.words(part.media_id, part.part, options_hash)
        began_s = self._clock.monotonic_s()
        words = await self.stored(key)
        if words is None:
            result = await self.write_down(part, engine, options)
            words = part_words(part, engine, options, result)
            await self._store.put(key, words.model_dump_json().encode(), content_type="application/json")
        await self._publisher.publish(
            PartTranscribed(
                media_id=part.media_id,
                tenant=part.tenant,
                lane=part.lane,
                replay=part.replay,
                part=part.part,
                part_count=part.part_count,
                words_key=key,
                options_hash=options_hash,
                engine=engine,
                model=options.model,
                language=words.language,
                word_count=len(words.words),
                audio_s=part.end_s - part.start_s,
                processing_s=self._clock.monotonic_s() - began_s,
            )
        )

    async def give_up(self, envelope: Envelope[Any], error: PolyvoxError, attempts: int) -> None:
        """Say that a part will have no words, and why."""
        part: PartReady = envelope.data
        await self._publisher.publish(stage_failed(part, "transcribe", error, attempts, part=part.part))

    def wanted(self, options: Options) -> tuple[str, TranscribeOptions]:
        """Engine and options of a recording, with this worker's own where it names none."""
        return options.engine or self._engine, TranscribeOptions(
            language=options.language,
            task=options.task,
            model=options.model or self._model,
            prompt=options.prompt,
            temperature=options.temperature or 0.0,
        )

    async def write_down(self, part: PartReady | RetakeReady, engine: str, options: TranscribeOptions) -> Transcription:
        """Fetch the audio and have an engine listen to it. Raises as ``handle``."""
        await self._provided(options.model)
        flac = await fetch_slice(self._store, part.audio)
        result = await self._transcribe(flac, engine, options)
        self._measure(part, engine, options.model, result)
        return result

    async def stored(self, key: str) -> PartWords | None:
        """What lies there already."""
        try:
            return PartWords.model_validate_json(await self._store.get(key))
        except NotFound:
            return None

    async def _provided(self, model: str) -> None:
        try:
            await self._provide(model)
        except Transient as error:
            if model == self._model:
                raise
            # Uploads that name a model must not make the worker take itself for broken.
            raise WeightsMissing(model) from error


def options_hash_of(engine: str, options: TranscribeOptions, *, forced_by: str | None = None) -> str:
    """What words are stored under: the same for the same request, whoever fills in the defaults.

    ``forced_by`` is the replay that wants them made again.
    """
    return keys.options_hash(
        {
            **({"replay": forced_by} if forced_by else {}),
            "engine": engine,
            "model": options.model,
            "language": options.language,
            "task": options.task,
            "prompt": options.prompt,
            # Left out where it is as it always was, so that words from before it could be chosen are found.
            **({"temperature": options.temperature} if options.temperature else {}),
        }
    )


def part_words(
    part: PartReady | RetakeReady, engine: str, options: TranscribeOptions, result: Transcription
) -> PartWords:
    """The artifact of a part: times from the start of the recording, none outside the part."""

    def at(seconds: float) -> float:
        return round(min(part.start_s + seconds, part.end_s), 3)

    return PartWords(
        media_id=part.media_id,
        part=part.part,
        start_s=part.start_s,
        end_s=part.end_s,
        language=result.language,
        languages=[LanguageGuess(language=code, probability=chance) for code, chance in result.languages],
        words=[
            Word(
                start_s=at(word.start_s),
                end_s=at(word.end_s),
                text=word.text,
                probability=word.probability,
                segment=word.segment,
            )
            for word in result.words
        ],
        speech=[SpeechRegion(start_s=at(start_s), end_s=at(end_s)) for start_s, end_s in result.speech],
        suspects=[
            SuspectWords(start_s=at(one.start_s), end_s=at(one.end_s), text=one.text, reason=one.reason)
            for one in result.suspects
        ],
        engine=engine,
        model=options.model,
    )
