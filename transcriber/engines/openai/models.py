"""What models of an endpoint can do: known by name, corrected by settings. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from polyvox.settings.remote import RemoteModel

Times = Literal["words", "segments", "none"]

SLICE_S: Mapping[Times, float] = {"words": 300.0, "segments": 120.0, "none": 10.0}
"""Most audio of a request. Long ones cost fewer requests and give the model context; where times are worked
out from the length of the text, a slice bounds how far they may be off."""


@dataclass(frozen=True, slots=True)
class Abilities:
    """``logprobs`` come with answers without times; ``translate`` is the route for English."""

    times: Times
    slice_s: float
    prompt: bool = True
    translate: bool = False
    logprobs: bool = False


def abilities(model: str, corrected: RemoteModel | None = None) -> Abilities:
    """Of a model by its name: Whisper gives times of words, whatever else there is none.

    The GPT models answer with text alone; of those that are not known nothing more may be taken for granted.
    """
    known = _by_name(model)
    if corrected is None:
        return known
    told = {name: value for name, value in corrected.model_dump().items() if value is not None}
    if "times" in told and "slice_s" not in told:
        told["slice_s"] = SLICE_S[told["times"]]
    return replace(known, **told)


def _by_name(model: str) -> Abilities:
    name = model.rpartition("/")[2].lower()
    if "whisper" in name:
        english = name.endswith(".en") or "distil" in name
        return Abilities("words", SLICE_S["words"], translate=not english and "turbo" not in name)
    told_apart = "diarize" in name
    tells_chances = name.startswith("gpt-4o") and not told_apart
    return Abilities("none", SLICE_S["none"], prompt=not told_apart, logprobs=tells_chances)
