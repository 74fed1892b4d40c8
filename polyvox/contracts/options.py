"""What the uploader asked for."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from polyvox.contracts.envelope import Contract

Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]


class Options(Contract):
    """Options of one recording. ``language`` None means: find out, among ``languages`` where there are any. The
    task ``detect`` finds out the language only. ``temperature`` is where sampling begins; it rises by itself where
    words repeat themselves or are not believed. None is 0: no sampling. ``keep_suspects`` leaves words that look
    made up in the transcript; None is as the server is set.

    ``channels``: ``split`` keeps the two channels of a call, each of which is a speaker, and says so where they are
    no such call; ``auto`` does without saying so; ``mix``, which None is, tells speakers by their voices.

    Unknown models and engines are refused by the ingest API, not here: which ones exist is
    a matter of settings.
    """

    language: Language | None = None
    languages: list[Language] | None = Field(default=None, min_length=1, max_length=100)
    task: Literal["transcribe", "translate", "detect"] = "transcribe"
    model: str | None = Field(default=None, max_length=200)
    engine: str | None = Field(default=None, max_length=50)
    diarize: bool = True
    num_speakers: int | None = Field(default=None, ge=1, le=100)
    min_speakers: int | None = Field(default=None, ge=1, le=100)
    max_speakers: int | None = Field(default=None, ge=1, le=100)
    channels: Literal["mix", "split", "auto"] | None = None
    prompt: str | None = Field(default=None, max_length=2000)
    temperature: float | None = Field(default=None, ge=0.0, le=1.0)
    keep_suspects: bool | None = None
    metadata: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _languages_agree(self) -> Self:
        if self.language is not None and self.languages is not None:
            raise ValueError("give either language or languages, not both")
        return self

    @model_validator(mode="after")
    def _speakers_agree(self) -> Self:
        low, high, exact = self.min_speakers, self.max_speakers, self.num_speakers
        if low is not None and high is not None and low > high:
            raise ValueError(
                f"min_speakers is {low} but max_speakers is {high}: make min_speakers at most max_speakers"
            )
        if exact is not None and (low is not None or high is not None):
            raise ValueError("give either num_speakers or min_speakers/max_speakers, not both")
        return self
