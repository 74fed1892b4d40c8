"""How often a stranger is taken for an enrolled person, and an enrolled person for a stranger.

    python -m benchmarks.recognition [--folder FOLDER] [--strangers 0.001]

Wants the files `polyvox` of benchmarks.attribution_inputs for the sets below. Everybody whom the diarizer tells
apart in a recording, and who speaks long enough, is compared with everybody from other recordings. The
rule for the threshold: on one half of the people, the lowest at which at most ``--strangers`` of the comparisons
of two different people are accepted; what it does is told of the other half, who had no part in choosing it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.attribution_inputs import FOLDER, Recording, diarization, recordings
from benchmarks.diarization import EVALUATION
from benchmarks.scoring import SpokenTurn, read_rttm
from polyvox.contracts import Turn
from results_api.people.recognition import ENROL_S, RECOGNISE_S

SETS = ("composite", "en_read", "multilingual", "en_spont", "long")
PURE = 0.5
"""A speaker of the diarizer's is who speaks for more than this share of their turns, or else nobody known."""
ONE_VOICE = "ast-"
"""Prompts of several languages, some of them by the same actress: not compared among each other."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A speaker of a recording as the diarizer found them, and who it really is. ``sources``: the utterances used."""

    recording: str
    person: str
    speech_s: float
    vector: NDArray[np.float64]
    sources: frozenset[str]


@dataclass(frozen=True, slots=True)
class Trials:
    """Likeness of each pair (enrolled, heard); ``same`` says whether they are one person."""

    likeness: NDArray[np.float64]
    same: NDArray[np.bool_]

    def false_accept(self, threshold: float) -> float:
        return float((self.likeness[~self.same] >= threshold).mean())

    def false_reject(self, threshold: float) -> float:
        return float((self.likeness[self.same] < threshold).mean())

    def threshold(self, strangers: float) -> float:
        """The lowest, in hundredths, that accepts at most this share of strangers."""
        steps = np.arange(0.0, 1.0, 0.01)
        return float(next(step for step in steps if self.false_accept(float(step)) <= strangers))

    def equal_error(self) -> float:
        """Where both errors are the same."""
        steps = np.arange(0.0, 1.0, 0.005)
        return min(max(self.false_accept(float(step)), self.false_reject(float(step))) for step in steps)


def samples(folder: Path) -> list[Sample]:
    found = []
    for recording in recordings(list(SETS)):
        if not recording.get("speakers") or not (folder / f"{recording['id']}.polyvox.json").exists():
            continue
        heard = diarization(folder, recording["id"], "polyvox")
        for one in heard.speakers:
            turns = [turn for turn in heard.exclusive_turns if turn.speaker == one.speaker]
            person = _person(recording, turns)
            if person is not None and one.vector and one.speech_s >= RECOGNISE_S:
                vector = np.array(one.vector) / np.linalg.norm(one.vector)
                found.append(Sample(recording["id"], person, one.speech_s, vector, _sources(recording, person)))
    return found


def _person(recording: Recording, turns: Sequence[Turn]) -> str | None:
    if recording["num_speakers"] == 1:
        return str(recording["speakers"][0])
    spoken: dict[str, float] = {}
    for true in read_rttm(EVALUATION / recording["rttm"]):
        spoken[true.speaker] = spoken.get(true.speaker, 0.0) + sum(_both_s(true, turn) for turn in turns)
    who = max(spoken, key=lambda name: spoken[name])
    return who if spoken[who] > PURE * sum(turn.end_s - turn.start_s for turn in turns) else None


def _both_s(true: SpokenTurn, turn: Turn) -> float:
    return max(min(true.end_s, turn.end_s) - max(true.start_s, turn.start_s), 0.0)


def _sources(recording: Recording, person: str) -> frozenset[str]:
    if not recording.get("segments"):
        return frozenset({recording["id"]})
    pieces = json.loads((EVALUATION / recording["segments"]).read_text())
    return frozenset(piece["src"] for piece in pieces if piece["speaker"] == person and "src" in piece)


def trials(some: Sequence[Sample]) -> Trials:
    """Everybody with enough speech enrolled, compared with everybody of another recording of other utterances."""
    likeness, same = [], []
    for enrolled in some:
        if enrolled.speech_s < ENROL_S:
            continue
        for heard in some:
            if enrolled.recording == heard.recording or enrolled.sources & heard.sources:
                continue
            if enrolled.person != heard.person and {enrolled.person[:4], heard.person[:4]} == {ONE_VOICE}:
                continue
            likeness.append(float(enrolled.vector @ heard.vector))
            same.append(enrolled.person == heard.person)
    return Trials(np.array(likeness), np.array(same))


def half(person: str) -> int:
    return hashlib.sha256(person.encode()).digest()[0] % 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument(
        "--strangers", type=float, default=0.001, help="share of strangers accepted, where it is chosen"
    )
    arguments = parser.parse_args()
    everybody = samples(arguments.folder)
    halves = [[one for one in everybody if half(one.person) == n] for n in (0, 1)]
    chosen = trials(halves[0]).threshold(arguments.strangers)
    print(f"threshold {chosen:.2f}\n")
    print("| half | people | of them met twice | same person | different people | strangers accepted, % "
          "| people not recognised, % | equal error, % |\n|---|---|---|---|---|---|---|---|")  # fmt: skip
    for name, some in (("chosen on", halves[0]), ("told of", halves[1])):
        told = trials(some)
        people = {one.person for one in some}
        twice = {one.person for one in some if len({o.recording for o in some if o.person == one.person}) > 1}
        print(
            f"| {name} | {len(people)} | {len(twice)} | {told.same.sum()} | {(~told.same).sum()} "
            f"| {100 * told.false_accept(chosen):.2f} | {100 * told.false_reject(chosen):.1f} "
            f"| {100 * told.equal_error():.1f} |"
        )


if __name__ == "__main__":
    main()
