"""Who said which word: our assignment and whisperX's, on the same words and the same turns.

    python -m benchmarks.attribution --whisperx PYTHON [--folder FOLDER] [--each]

Wants the files of benchmarks.attribution_inputs, and meeteval (the extra ``benchmarks``). PYTHON is that of an
environment with whisperX; without it our assignment is measured alone. Prints a Markdown table:
speaker errors are cpWER less WER, words that are right but for who said them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.attribution_inputs import FOLDER, SETS, Recording, diarization, recordings, words
from benchmarks.diarization import EVALUATION
from benchmarks.scoring import Errors, Utterance, cp_errors, read_rttm, read_stm, speaker_accuracy, word_errors
from polyvox.contracts import Diarization, Turn
from results_api.merge.attribution import UNKNOWN, assign
from results_api.merge.speakers import inside
from results_api.merge.spoken import SpokenWord
from results_api.merge.timeline import lay_out

TURNS = ("stock", "polyvox", "reference")


@dataclass(frozen=True, slots=True)
class Case:
    """A recording's words, laid out as the merge does, and somebody's turns."""

    recording: Recording
    turns_of: str
    words: list[SpokenWord]
    found: Diarization

    @property
    def reference(self) -> list[Utterance]:
        return read_stm(EVALUATION / self.recording["stm"])

    @property
    def language(self) -> str:
        return "en" if self.recording["language"] == "en" else "other"


@dataclass(frozen=True, slots=True)
class Row:
    """Scores of one assignment of one case. ``right``: share of the words found whose speaker is right."""

    group: str
    id: str
    turns_of: str
    assignment: str
    wer: Errors
    cpwer: Errors
    right: float


Assignment = Callable[[Sequence[Case]], list[list[str | None]]]


def cases(folder: Path, sets: list[str], turns_of: Sequence[str]) -> list[Case]:
    """Of all recordings with several speakers whose transcript says who said what, and when.

    Recordings whose words or turns are not there (yet) are left out, and named on standard error.
    """
    made = []
    for recording in recordings(sets):
        if not recording.get("stm") or len({one.speaker for one in read_stm(EVALUATION / recording["stm"])}) < 2:
            continue
        missing = [what for what in ("words", *turns_of) if not _is_there(folder, recording, what)]
        if missing:
            print(f"{recording['id']} is left out: no {', no '.join(missing)}", file=sys.stderr)
            continue
        laid = lay_out([words(folder, recording["id"])], recording["duration_s"])
        made += [Case(recording, whose, laid, _turns(folder, recording, whose)) for whose in turns_of]
    return made


def _is_there(folder: Path, recording: Recording, what: str) -> bool:
    return what == "reference" or (folder / f"{recording['id']}.{what}.json").exists()


def _turns(folder: Path, recording: Recording, whose: str) -> Diarization:
    if whose != "reference":
        return diarization(folder, recording["id"], whose)
    true = read_rttm(EVALUATION / recording["rttm"])
    turns = [Turn(start_s=turn.start_s, end_s=turn.end_s, speaker=turn.speaker) for turn in true]
    return Diarization(
        media_id=recording["id"], duration_s=recording["duration_s"], turns=turns, engine="none", model="reference"
    )


def ours(some: Sequence[Case]) -> list[list[str | None]]:
    found = []
    for case in some:
        length_s = case.recording["duration_s"]
        turns = inside(case.found.turns, length_s)
        exclusive = inside(case.found.exclusive_turns, length_s)
        given = assign(case.words, exclusive, turns)
        found.append([None if one.speaker == UNKNOWN else one.speaker for one in given])
    return found


def whisperx(python: Path, *, fill_nearest: bool) -> Assignment:
    def assignment(some: Sequence[Case]) -> list[list[str | None]]:
        tasks = [
            {
                "words": [[word.start_s, word.end_s, word.text] for word in case.words],
                "turns": [[turn.start_s, turn.end_s, turn.speaker] for turn in case.found.turns],
                "fill_nearest": fill_nearest,
            }
            for case in some
        ]
        program = Path(__file__).with_name("whisperx_assignment.py")
        done = subprocess.run([python, program], input=json.dumps(tasks).encode(), stdout=subprocess.PIPE, check=True)
        return [list(speakers) for speakers in json.loads(done.stdout)]

    return assignment


def scored(case: Case, assignment: str, speakers: Sequence[str | None]) -> Row:
    reference = [(one.text, one.speaker) for one in sorted(case.reference, key=lambda one: one.start_s)]
    hypothesis = [(word.text, speaker) for word, speaker in zip(case.words, speakers, strict=True)]
    return Row(
        case.recording["set"],
        case.recording["id"],
        case.turns_of,
        assignment,
        word_errors(" ".join(text for text, _ in reference), "".join(text for text, _ in hypothesis), case.language),
        cp_errors(reference, hypothesis, case.language),
        speaker_accuracy(reference, hypothesis, case.language),
    )


def table(rows: Sequence[Row], *, each: bool) -> str:
    """Markdown: a line for each group, turns and assignment; ``each``: for each recording as well."""
    lines = [
        "| recordings | turns of | assignment | words | WER, % | cpWER, % | speaker errors, % | words with the right speaker, % |",  # noqa: E501
        "|---|---|---|---|---|---|---|---|",
    ]
    groups = list(dict.fromkeys(row.group for row in rows))
    names = [*(dict.fromkeys(row.id for row in rows) if each else ()), *groups, "all"]
    for name in names:
        for turns_of, assignment in dict.fromkeys((row.turns_of, row.assignment) for row in rows):
            own = [
                row
                for row in rows
                if (row.turns_of, row.assignment) == (turns_of, assignment) and name in (row.id, row.group, "all")
            ]
            if own:
                lines.append(f"| {name} | {turns_of} | {assignment} | {_cells(own)} |")
    return "\n".join(lines)


def _cells(rows: Sequence[Row]) -> str:
    count = sum(row.wer.words for row in rows)
    wer = 100 * sum(row.wer.errors for row in rows) / count
    cpwer = 100 * sum(row.cpwer.errors for row in rows) / count
    right = 100 * sum(row.right * row.wer.words for row in rows) / count
    return f"{count} | {wer:.1f} | {cpwer:.1f} | {cpwer - wer:.1f} | {right:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="*", default=list(SETS))
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--turns", nargs="*", default=list(TURNS), choices=TURNS)
    parser.add_argument("--whisperx", type=Path, help="the python of an environment with whisperX")
    parser.add_argument("--each", action="store_true", help="a line for each recording, too")
    arguments = parser.parse_args()
    assignments: dict[str, Assignment] = {}
    if arguments.whisperx:
        assignments["whisperX"] = whisperx(arguments.whisperx, fill_nearest=False)
        assignments["whisperX, nearest"] = whisperx(arguments.whisperx, fill_nearest=True)
    assignments["polyvox"] = ours
    some = cases(arguments.folder, arguments.sets, arguments.turns)
    rows = [
        scored(case, name, speakers)
        for name, assignment in assignments.items()
        for case, speakers in zip(some, assignment(some), strict=True)
    ]
    print(table(rows, each=arguments.each))


if __name__ == "__main__":
    main()
