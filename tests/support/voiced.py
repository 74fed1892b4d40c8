"""Recordings whose speakers have voices, and a product that recognises them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from polyvox.contracts import Diarization, Fact, SpeakerEmbedding
from polyvox.settings import Settings
from tests.support.databases import Place
from tests.support.stages import Recording

ANNA, BEN, STRANGER = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)


@dataclass(frozen=True)
class Voiced(Recording):
    """Speakers S1, S2, … take turns of five seconds; ``voices`` are their vectors."""

    voices: Sequence[Sequence[float]] = (ANNA, BEN)
    speech_s: float = 30.0
    model: str = "builtin"
    tenant: str = "acme"

    def diarization(self, speakers: int = 2) -> Diarization:
        heard = [
            SpeakerEmbedding(speaker=f"S{n}", vector=list(voice), speech_s=self.speech_s)
            for n, voice in enumerate(self.voices, start=1)
        ]
        return super().diarization(len(heard)).model_copy(update={"speakers": heard, "model": self.model})

    @property
    def facts(self) -> list[Fact]:
        return [fact.model_copy(update={"tenant": self.tenant}) for fact in super().facts]


@dataclass(frozen=True)
class Recognising(Place):
    """Recognises the speakers of the tenant ``acme``."""

    @property
    def settings(self) -> Settings:
        return super().settings.model_copy(update={"recognise_speakers": "acme"})
