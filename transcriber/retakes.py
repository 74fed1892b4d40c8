"""retake-ready → retake-transcribed: stretches that lack words once more, alone and with other settings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from polyvox import keys
from polyvox.contracts import Envelope, PartWords, RetakeReady, RetakeTranscribed, SpeechRegion
from polyvox.errors import PolyvoxError
from polyvox.failures import stage_failed
from polyvox.ports import Clock, ObjectStore
from polyvox.publish import Publisher
from transcriber.handler import Handler, part_words
from transcriber.stretches import SLACK_S


class Retakes:
    """Idempotent: the words lie under the retake's name, which follows from what was asked for."""

    def __init__(self, store: ObjectStore, publisher: Publisher, clock: Clock, first: Handler) -> None:
        """``first`` writes the words of parts; its models write these, too."""
        self._store = store
        self._publisher = publisher
        self._clock = clock
        self._first = first

    async def handle(self, envelope: Envelope[Any]) -> None:
        """Handle one ``retake-ready``. Raises what ``Handler.handle`` does."""
        asked: RetakeReady = envelope.data
        engine, usual = self._first.wanted(asked.options)
        options = replace(
            usual,
            language=asked.language or usual.language,
            speech_from=asked.speech_from,
            stretches=tuple((one.start_s - asked.start_s, one.end_s - asked.start_s) for one in asked.stretches),
        )
        key = keys.beside(asked.audio.key, keys.retake(asked.media_id, asked.part, asked.retake))
        began_s = self._clock.monotonic_s()
        words = await self._first.stored(key)
        if words is None:
            result = await self._first.write_down(asked, engine, options)
            words = _inside(part_words(asked, engine, options, result), asked.stretches)
            await self._store.put(key, words.model_dump_json().encode(), content_type="application/json")
        await self._publisher.publish(
            RetakeTranscribed(
                media_id=asked.media_id,
                tenant=asked.tenant,
                lane=asked.lane,
                retake=asked.retake,
                part=asked.part,
                words_key=key,
                engine=engine,
                model=options.model,
                language=words.language,
                word_count=len(words.words),
                audio_s=round(asked.weight_s(), 3),
                speech_s=round(sum(region.end_s - region.start_s for region in words.speech), 3),
                processing_s=self._clock.monotonic_s() - began_s,
            )
        )

    async def give_up(self, envelope: Envelope[Any], error: PolyvoxError, attempts: int) -> None:
        """Say that a second attempt came to nothing; the words of the first stay."""
        asked: RetakeReady = envelope.data
        failed = stage_failed(asked, "transcribe", error, attempts, part=asked.part, retake=asked.retake)
        await self._publisher.publish(failed)


class PartsAndRetakes:
    """What one worker does with both kinds of messages."""

    def __init__(self, parts: Handler, retakes: Retakes) -> None:
        self._parts = parts
        self._retakes = retakes

    async def handle(self, envelope: Envelope[Any]) -> None:
        await self._hand_of(envelope).handle(envelope)

    async def give_up(self, envelope: Envelope[Any], error: PolyvoxError, attempts: int) -> None:
        await self._hand_of(envelope).give_up(envelope, error, attempts)

    def _hand_of(self, envelope: Envelope[Any]) -> Handler | Retakes:
        return self._retakes if isinstance(envelope.data, RetakeReady) else self._parts


def _inside(words: PartWords, stretches: list[SpeechRegion]) -> PartWords:
    """Without what an engine that takes whole parts only wrote of the rest."""
    kept = [
        word
        for word in words.words
        if any(one.start_s - SLACK_S <= (word.start_s + word.end_s) / 2 <= one.end_s + SLACK_S for one in stretches)
    ]
    return words.model_copy(update={"words": kept, "stretches": stretches})
