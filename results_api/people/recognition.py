"""Recognises enrolled people among the speakers of a recording. Pure.

Voices are vectors of a speaker-embedding network; how alike two are is the cosine of their angle. Vectors of
different networks say nothing about each other and are never compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from polyvox.contracts import Diarization

ENROL_S = 10.0
"""Speech that an enrolment needs: from less, strangers are taken for the person too often (docs/speakers.md)."""

RECOGNISE_S = 5.0
"""Speech of a speaker below which nobody is recognised."""


@dataclass(frozen=True, slots=True)
class Voice:
    """One enrolled stretch of a person's voice. ``model`` made the vector, shape (n,), of any length but 0."""

    person: str
    name: str
    model: str
    vector: Sequence[float]


@dataclass(frozen=True, slots=True)
class Recognised:
    """``likeness`` is a cosine, at most 1."""

    person: str
    name: str
    likeness: float


def model_of(diarization: Diarization) -> str:
    """What made the embeddings of a diarization; only those of the same are compared."""
    return f"{diarization.engine}/{diarization.model}"


def recognise(diarization: Diarization, voices: Iterable[Voice], *, threshold: float) -> Mapping[str, Recognised]:
    """Which speaker is whom; speakers who are nobody known are left out.

    A person is at most one speaker of a recording, and a speaker one person: the most alike go
    first. Of several voices of a person their mean counts.
    """
    model = model_of(diarization)
    people: dict[str, list[Voice]] = {}
    for voice in voices:
        if voice.model == model:
            people.setdefault(voice.person, []).append(voice)
    speakers = [one for one in diarization.speakers if one.vector and one.speech_s >= RECOGNISE_S]
    if not people or not speakers:
        return {}
    heard = _unit(np.array([one.vector for one in speakers], np.float64))
    known = _unit(np.array([_mean(voices) for voices in people.values()]))
    likeness = heard @ known.T
    ids = list(people)
    found: dict[str, Recognised] = {}
    taken: set[str] = set()
    for flat in np.argsort(-likeness, axis=None, kind="stable"):
        row, column = divmod(int(flat), len(ids))
        speaker, person = speakers[row].speaker, ids[column]
        if likeness[row, column] < threshold:
            break
        if speaker not in found and person not in taken:
            found[speaker] = Recognised(person, people[person][0].name, float(likeness[row, column]))
            taken.add(person)
    return found


def _mean(voices: Sequence[Voice]) -> NDArray[np.float64]:
    mean: NDArray[np.float64] = _unit(np.array([voice.vector for voice in voices], np.float64)).mean(axis=0)
    return mean


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
    return result
