"""part-ready → part-transcribed: fetch the part's audio, get its words, store them, say so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
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
from polyvox.errors import Fatal, NotFound, PolyvoxError, Transient, WeightsMissing
from polyvox.failures import stage_failed
from polyvox.ports import Clock, ObjectStore
from polyvox.publish import Publisher
from polyvox.settings.remote import OPENAI
from transcriber.engines.base import EngineWord, TranscribeOptions, Transcription
from transcriber.overflow import Overflow

Transcribe = Callable[[bytes, str, TranscribeOptions], Awaitable[Transcription]]
"""FLAC of a part, engine and options to words, times from the start of the part."""

Provide = Callable[[str], Awaitable[None]]
"""Sees to it that the weights of a model are here."""

Measure = Callable[[PartReady | RetakeReady, str, str, Transcription], None]
"""Counts what an engine and a model have just done."""


def _unmeasured(_part: PartReady | RetakeReady, _engine: str, _model: str, _result: Transcription) -> None:
    """For handlers that nobody measures."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to make a part's words, and where they lie then."""

    engine: str
    options: TranscribeOptions
    options_hash: str
    key: str


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
        remote_model: str = "",
        overflow: Overflow | None = None,
    ) -> None:
        """``remote_model`` is the default of the engine elsewhere; ``overflow`` says when parts go there, too."""
        self._store = store
        self._publisher = publisher
        self._clock = clock
        self._transcribe = transcribe
        self._provide = provide
        self._engine = engine
        self._model = model
        self._measure = measure
        self._remote_model = remote_model
        self._overflow = overflow

    async def handle(self, envelope: Envelope[Any]) -> None:
        """Handle one ``part-ready``.

        Raises:
            Invalid: the request names what does not exist, or the audio is gone or broken.
            Transient: store, log, weights or the model's process are in trouble.
        """
        part: PartReady = envelope.data
        began_s = self._clock.monotonic_s()
        choices = self._choices(part)
        choice, words = await self._done(choices) or await self._do(part, choices)
        await self._publisher.publish(
            PartTranscribed(
                media_id=part.media_id,
                tenant=part.tenant,
                lane=part.lane,
                replay=part.replay,
                part=part.part,
                part_count=part.part_count,
                words_key=choice.key,
                options_hash=choice.options_hash,
                engine=choice.engine,
                model=choice.options.model,
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
        return self._on(options.engine or self._engine, options)

    def _on(self, engine: str, options: Options) -> tuple[str, TranscribeOptions]:
        return engine, TranscribeOptions(
            language=options.language,
            task=options.task,
            model=options.model or (self._remote_model if engine == OPENAI else self._model),
            prompt=options.prompt,
            temperature=options.temperature or 0.0,
            languages=tuple(options.languages or ()),
        )

    def _choices(self, part: PartReady) -> list[Choice]:
        """Who may write a part's words: the engine it is for, then the one elsewhere when too much waits for that."""
        engines = [part.options.engine or self._engine]
        # Who names an engine or a model gets that one, and a recording that must not leave stays.
        if self._overflow is not None and part.options.engine is None and part.options.model is None:
            engines.append(OPENAI)
        return [choice_of(part, *self._on(engine, part.options)) for engine in engines]

    async def _done(self, choices: Sequence[Choice]) -> tuple[Choice, PartWords] | None:
        """What is there already, whoever did it."""
        for choice in choices:
            if (words := await self.stored(choice.key)) is not None:
                return choice, words
        return None

    async def _do(self, part: PartReady, choices: Sequence[Choice]) -> tuple[Choice, PartWords]:
        here = choices[0]
        if self._overflow is None:
            return here, await self._written(part, here)
        for other in choices[1:]:
            with self._overflow.elsewhere() as goes:
                if goes and (words := await self._tried(part, other, self._overflow)) is not None:
                    return other, await self._kept(other, words)
        with self._overflow.here():
            return here, await self._written(part, here)

    async def _tried(self, part: PartReady, choice: Choice, overflow: Overflow) -> PartWords | None:
        """Words from elsewhere; None: they cannot be had there now, which is no reason to wait for them."""
        try:
            return await self._heard(part, choice)
        except (Transient, Fatal) as error:
            overflow.failed(error)
            return None

    async def _written(self, part: PartReady, choice: Choice) -> PartWords:
        return await self._kept(choice, await self._heard(part, choice))

    async def _heard(self, part: PartReady, choice: Choice) -> PartWords:
        result = await self.write_down(part, choice.engine, choice.options)
        return part_words(part, choice.engine, choice.options, result)

    async def _kept(self, choice: Choice, words: PartWords) -> PartWords:
        await self._store.put(choice.key, words.model_dump_json().encode(), content_type="application/json")
        return words

    async def write_down(self, part: PartReady | RetakeReady, engine: str, options: TranscribeOptions) -> Transcription:
        """Fetch the audio and have an engine listen to it. Raises as ``handle``."""
        if engine != OPENAI:
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


def choice_of(part: PartReady, engine: str, options: TranscribeOptions) -> Choice:
    options_hash = options_hash_of(engine, options, forced_by=part.replay if part.force else None)
    key = keys.beside(part.audio.key, keys.words(part.media_id, part.part, options_hash))
    return Choice(engine, options, options_hash, key)


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
            **({"languages": sorted(options.languages)} if options.languages else {}),
        }
    )


def part_words(
    part: PartReady | RetakeReady, engine: str, options: TranscribeOptions, result: Transcription
) -> PartWords:
    """The artifact of a part: times from the start of the recording, none outside the part."""

    def at(seconds: float) -> float:
        return round(min(part.start_s + seconds, part.end_s), 3)

    def word(one: EngineWord, reason: str | None = None) -> Word:
        return Word(
            start_s=at(one.start_s),
            end_s=at(one.end_s),
            text=one.text,
            probability=one.probability,
            segment=one.segment,
            language=one.language,
            reason=reason,
        )

    return PartWords(
        media_id=part.media_id,
        part=part.part,
        start_s=part.start_s,
        end_s=part.end_s,
        language=result.language,
        languages=[LanguageGuess(language=code, probability=chance) for code, chance in result.languages],
        words=[word(one) for one in result.words],
        speech=[SpeechRegion(start_s=at(start_s), end_s=at(end_s)) for start_s, end_s in result.speech],
        suspects=[
            SuspectWords(
                start_s=at(one.start_s),
                end_s=at(one.end_s),
                text=one.text,
                reason=one.reason,
                words=[word(found, one.reason) for found in one.words],
            )
            for one in result.suspects
        ],
        estimated=result.estimated,
        engine=engine,
        model=options.model,
    )
