"""Words of a part by way of an endpoint: cut, sent slice by slice, put together."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from hashlib import sha256

from polyvox.errors import Fatal, Invalid, PolyvoxError, Transient
from polyvox.ports import Clock
from polyvox.settings.remote import OPENAI, RemoteModel
from transcriber.engines.base import Effort, TranscribeOptions, Transcription
from transcriber.engines.openai.answers import Answer
from transcriber.engines.openai.asking import Asking
from transcriber.engines.openai.cutting import Cut
from transcriber.engines.openai.models import Abilities, abilities
from transcriber.engines.openai.placing import placed
from transcriber.engines.openai.slices import Rule, fitting_s
from transcriber.engines.openai.trusting import judged
from transcriber.engines.taken import Taken, numbered, suspects, without_replaced
from transcriber.speech import total_s

DEVICE = "remote"
LANGUAGE_SLICES = 4
LANGUAGE_SLICE_S = 30.0
KEPT_PARTS = 32
"""Parts whose answers are kept between two attempts: what was answered was paid for."""

Cutting = Callable[[bytes, Rule], Awaitable[Cut]]


class OpenAIEngine:
    """Holds no model; may be asked for many parts at the same time.

    Args:
        cut: cuts the FLAC of a part, in a process of its own.
        models: what settings say of models beyond their names.
    """

    name = OPENAI

    def __init__(
        self, cut: Cutting, asking: Asking, clock: Clock, *, models: Mapping[str, RemoteModel], max_bytes: int
    ) -> None:
        self._cut = cut
        self._asking = asking
        self._clock = clock
        self._models = models
        self._max_s = fitting_s(max_bytes)
        self._kept: OrderedDict[str, dict[int, Answer]] = OrderedDict()

    async def transcribe(self, flac: bytes, options: TranscribeOptions) -> Transcription:
        """Words of a 16 kHz mono FLAC.

        Raises:
            Invalid: the model cannot do what is asked, or the audio is broken.
            Transient: the endpoint or the child process is in trouble.
            Fatal: the endpoint takes no request of ours.
        """
        able = abilities(options.model, self._models.get(options.model))
        _check(able, options)
        rule = self._rule(able, options)
        began_s = self._clock.monotonic_s()
        cut = await self._cut(flac, rule)
        name = sha256(repr((sha256(flac).hexdigest(), options)).encode()).hexdigest()
        answers = await self._answers(name, cut, options, able)
        result = _together(cut, answers, options, by_pauses=rule.by_pauses)
        self._kept.pop(name, None)
        sent_s = sum(piece.window.duration_s for piece in cut.slices)
        busy_s = self._clock.monotonic_s() - began_s
        return replace(
            result, effort=Effort(device=DEVICE, busy_s=busy_s, decodes=len(cut.slices), sent_s=round(sent_s, 3))
        )

    def _rule(self, able: Abilities, options: TranscribeOptions) -> Rule:
        by_pauses = able.times == "none"
        slice_s = able.slice_s if options.task != "detect" else LANGUAGE_SLICE_S
        return Rule(
            min(slice_s, self._max_s),
            by_pauses=by_pauses,
            most=LANGUAGE_SLICES if options.task == "detect" else None,
            stretches=options.stretches,
            speech_from=options.speech_from,
        )

    async def _answers(self, name: str, cut: Cut, options: TranscribeOptions, able: Abilities) -> list[Answer]:
        """One answer for each slice; those of an earlier attempt are not asked for again."""
        known = self._kept.setdefault(name, {})
        self._kept.move_to_end(name)
        while len(self._kept) > KEPT_PARTS:
            self._kept.popitem(last=False)
        failures: list[PolyvoxError] = []

        async def ask(index: int) -> None:
            # After a failure no more is begun, but what is under way may still be answered.
            if not failures:
                try:
                    known[index] = await self._asking.ask(cut.slices[index].flac, options, able)
                except PolyvoxError as error:
                    failures.append(error)

        await asyncio.gather(*(ask(index) for index in range(len(cut.slices)) if index not in known))
        if failures:
            raise next((error for error in failures if isinstance(error, Fatal)), failures[0])
        return [known[index] for index in range(len(cut.slices))]


def _check(able: Abilities, options: TranscribeOptions) -> None:
    if options.task == "translate" and not able.translate:
        raise Invalid(f"the model {options.model!r} cannot translate", code="cannot-translate")
    if options.task == "detect" and able.times == "none":
        raise Invalid(f"the model {options.model!r} does not tell which language it hears", code="cannot-detect")


def _together(cut: Cut, answers: list[Answer], options: TranscribeOptions, *, by_pauses: bool) -> Transcription:
    taken: list[Taken] = []
    estimated = False
    spoken_s: dict[str, float] = {}
    for piece, answer in zip(cut.slices, answers, strict=True):
        window = piece.window
        spoken = options.language or answer.language_code or ""
        if spoken:
            spoken_s[spoken] = spoken_s.get(spoken, 0.0) + total_s(window.speech)
        if options.task == "detect":
            continue
        heard = placed(answer, window, by_pauses=by_pauses)
        if heard is None:
            raise Transient(
                f"the model {options.model} answers without times: say so in POLYVOX_OPENAI_MODELS, as "
                f'{{"{options.model}": {{"times": "none"}}}}'
            )
        first = 1 + max((word.segment for one in taken for word in one.words), default=-1)
        estimated = estimated or (heard.estimated and bool(heard.words))
        if heard.words:
            taken.append(judged(heard, window, spoken, first))
    total_spoken_s = sum(spoken_s.values())
    ranked = sorted(spoken_s.items(), key=lambda pair: (-pair[1], pair[0]))
    language = ranked[0][0] if ranked else options.language
    kept = without_replaced([replace(one, language=one.language or language or "") for one in taken])
    words, names = numbered(kept, language or "")
    return Transcription(
        words=words,
        language=language,
        languages=[] if options.language else [(code, spoken / total_spoken_s) for code, spoken in ranked[:5]],
        speech=cut.speech,
        suspects=suspects(kept, names, language or ""),
        estimated=estimated,
    )
