"""What an endpoint answers, as far as it is used. Pure."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from polyvox.languages import LANGUAGES, NAMES

Seconds = Annotated[FiniteFloat, Field(ge=0.0)]
_CODES = {name: code for code, name in NAMES.items()}


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class SaidWord(_Told):
    """Times from the start of what was sent."""

    word: str
    start: Seconds
    end: Seconds


class SaidSegment(_Told):
    """Whisper's own figures are there where the server has them."""

    text: str
    start: Seconds
    end: Seconds
    avg_logprob: FiniteFloat | None = None
    no_speech_prob: FiniteFloat | None = None
    compression_ratio: FiniteFloat | None = None


class TokenChance(_Told):
    token: str = ""
    logprob: float | None = None


class SpokenLanguage(_Told):
    code: str = ""


class Answer(_Told):
    """``json`` and ``verbose_json`` alike."""

    text: str
    language: str | None = None
    languages: list[SpokenLanguage] | None = None
    words: list[SaidWord] | None = None
    segments: list[SaidSegment] | None = None
    logprobs: list[TokenChance] | None = None

    @property
    def language_code(self) -> str | None:
        """ISO 639 code; servers write it so or as an English name. None: it was not told."""
        told = self.language or (self.languages[0].code if self.languages else "")
        name = told.strip().lower()
        return _CODES.get(name) or (name if name in LANGUAGES else None)


def chance(logprob: float | None) -> float | None:
    """A probability of a logarithm of one, within [0, 1]."""
    return None if logprob is None or math.isnan(logprob) else math.exp(min(logprob, 0.0))
