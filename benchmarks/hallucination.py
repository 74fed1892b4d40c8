"""Words that are put out where nobody speaks: ours and others', on the same sounds and weights.

    python -m benchmarks.hallucination [--systems NAME,…] [--groups NAME,…] [--model base] [--seconds 30]
        [--bound-s 180]

Groups: ``sounds``, made by benchmarks.nonspeech; ``nonspeech`` and ``voices`` of the evaluation set (the latter are
babble and speech played backwards); ``pauses``, recordings of that set with long pauses or music around the speech;
``between``, sentences of that set with every sound between two of them. In the last two, words count that begin more
than a second from any speech, and WER says that silence was not bought with words. Each system runs in a process of
its own, with its defaults, and is stopped in a case that takes it more than ``--bound-s`` of processor time: words
count that it gave until then, and WER leaves the case out. What is found is kept in the folder ``--into``, case by
case: a call goes on from there.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jiwer
import numpy as np

from benchmarks.nonspeech import RATE_HZ, SOUNDS, Audio
from benchmarks.scoring import normalised, read_rttm
from benchmarks.transcribers import read
from benchmarks.transcription import EVALUATION_SET, machine
from polyvox.settings import Settings

NEAR_S = 1.0
"""A word this near to speech may be one: its time and the speech's are both known to about so much."""

PAUSES = ("comp-silences3-o", "comp-digitalsilence2-o", "comp-podcast-music-o")
GROUPS = ("sounds", "nonspeech", "voices", "pauses", "between")
WITH_SPEECH = ("pauses", "between")

Heard = list[tuple[str, float]]
"""Words and when each begins, in seconds."""

Hear = Callable[[Audio, bool], Iterator[Heard]]
"""A system: what it hears in a recording, as it gives it out; with the times of words if the second says so."""


@dataclass(frozen=True)
class Case:
    """``speech``: when somebody speaks; ``text``: what is said there, "" where nothing is."""

    name: str
    group: str
    audio: Audio
    speech: list[tuple[float, float]]
    text: str = ""


def cases(groups: tuple[str, ...], seconds: float) -> Iterator[Case]:
    manifest = [json.loads(line) for line in (EVALUATION_SET / "manifest.jsonl").read_text().splitlines()]
    if "sounds" in groups:
        for name, make in SOUNDS.items():
            yield Case(name, "sounds", make(seconds, 0), [])
    for recording in manifest:
        path = EVALUATION_SET / recording["path"]
        if recording["set"] == "nonspeech":
            group = "voices" if any(kind in recording["id"] for kind in ("babble", "reversed")) else "nonspeech"
            if group in groups:
                yield Case(recording["id"], group, read(str(path)), [])
        elif recording["id"] in PAUSES and "pauses" in groups:
            turns = [(turn.start_s, turn.end_s) for turn in read_rttm(path.with_suffix(".rttm"))]
            yield Case(recording["id"], "pauses", read(str(path)), turns, recording["reference_text"])
    if "between" in groups:
        yield between([m for m in manifest if m["set"] == "en_read" and m["reference_text"]], seconds)


def between(recordings: list[dict[str, Any]], seconds: float) -> Case:
    """Sentences from all over the list with each of the sounds between two of them."""
    step = len(recordings) // (len(SOUNDS) + 1)
    pieces: list[Audio] = []
    speech, texts, at_s = [], [], 0.0
    for number, make in enumerate([*SOUNDS.values(), None]):
        said = recordings[number * step]
        spoken = read(str(EVALUATION_SET / said["path"]))
        speech.append((at_s, at_s + spoken.size / RATE_HZ))
        texts.append(said["reference_text"])
        pieces.append(spoken)
        if make is not None:
            pieces.append(make(seconds, number))
        at_s = sum(piece.size for piece in pieces) / RATE_HZ
    return Case("between", "between", np.concatenate(pieces), speech, " ".join(texts))


def outside(heard: Heard, speech: list[tuple[float, float]]) -> list[str]:
    """Words, normalised, that begin away from all speech."""
    away = [text for text, at_s in heard if not any(low - NEAR_S <= at_s <= high + NEAR_S for low, high in speech)]
    return [word for word in normalised("".join(away)).split() if any(map(str.isalnum, word))]


def ours(engine: str, beams: int, folder: Path, model: str, threads: int) -> Hear:
    from transcriber.engines.base import TranscribeOptions
    from transcriber.engines.registry import load

    loaded = load(engine, weights_dir=folder, threads=threads, beams=beams)

    def hear(audio: Audio, _words: bool) -> Iterator[Heard]:
        yield [(w.text, w.start_s) for w in loaded.transcribe(audio, TranscribeOptions(model=model)).words]

    return hear


def faster_whisper(kind: str, folder: Path, model: str, threads: int, **options: Any) -> Hear:
    from faster_whisper import BatchedInferencePipeline, WhisperModel

    place = str(folder / f"whisper-{model}")
    whisper = WhisperModel(place, device="cpu", compute_type="int8", cpu_threads=threads, local_files_only=True)
    pipeline: Any = BatchedInferencePipeline(whisper) if kind == "batched" else whisper

    def hear(audio: Audio, words: bool) -> Iterator[Heard]:
        for segment in pipeline.transcribe(audio, word_timestamps=words, **options)[0]:
            yield [(w.word, w.start) for w in segment.words] if words else [(segment.text, segment.start)]

    return hear


def openai_whisper(folder: Path, model: str, threads: int) -> Hear:
    import torch

    from transcriber.engines.whisper.checkpoint import load_model

    torch.set_num_threads(threads)
    whisper = load_model(folder / f"whisper-{model}").float()

    def hear(audio: Audio, words: bool) -> Iterator[Heard]:
        for segment in whisper.transcribe(audio, fp16=False, word_timestamps=words)["segments"]:
            yield [(w["word"], w["start"]) for w in segment["words"]] if words else [(segment["text"], 0.0)]

    return hear


SYSTEMS: dict[str, Callable[[Path, str, int], Hear]] = {
    "polyvox-ctranslate2": lambda *a: ours("ctranslate2", 0, *a),
    "polyvox-whisper": lambda *a: ours("whisper", 0, *a),
    "polyvox-whisper-beams5": lambda *a: ours("whisper", 5, *a),
    "faster-whisper": lambda *a: faster_whisper("sequential", *a),
    "faster-whisper-vad": lambda *a: faster_whisper("sequential", *a, vad_filter=True),
    "faster-whisper-batched": lambda *a: faster_whisper("batched", *a),
    "openai-whisper": openai_whisper,
}


def work(
    system: str,
    groups: tuple[str, ...],
    seconds: float,
    model: str,
    threads: int,
    bound_s: float,
    done: set[str],
) -> Iterator[dict[str, Any]]:
    """What one system puts out, case by case but for those that are ``done``."""
    hear = SYSTEMS[system](Settings().weights_dir, model, threads)
    for case in cases(groups, seconds):
        if case.name in done:
            continue
        began_s = time.process_time()
        heard, stopped = within(hear(case.audio, case.group in WITH_SPEECH), bound_s)
        yield {
            "name": case.name,
            "group": case.group,
            "outside": outside(heard, case.speech),
            "reference": normalised(case.text),
            "text": normalised("".join(text for text, _ in heard)),
            "cpu_s": time.process_time() - began_s,
            "stopped": stopped,
        }


def within(pieces: Iterator[Heard], bound_s: float) -> tuple[Heard, bool]:
    """What comes within ``bound_s`` of processor time and one piece more, and whether there was more to come."""
    heard: Heard = []
    until_s = time.process_time() + bound_s
    late = False
    for piece in pieces:
        if late:
            return heard, True
        heard += piece
        late = time.process_time() > until_s
    return heard, False


def known(place: Path) -> dict[str, Any]:
    """What is in a system's file, by case."""
    lines = place.read_text().splitlines() if place.exists() else []
    return {one["name"]: one for one in map(json.loads, lines)}


def report(results: dict[str, dict[str, Any]], groups: tuple[str, ...]) -> None:
    shown = [group for group in GROUPS if group in groups]
    spoken = [group for group in shown if group in WITH_SPEECH]
    print(f"\n{machine()}\n\nWords where nobody speaks\n")
    columns = [*shown, *(f"WER {group}, %" for group in spoken)]
    print(f"| system | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
    for system, found in results.items():
        cells = []
        for group in shown:
            here = [one for one in found.values() if one["group"] == group]
            words, stopped = sum(len(one["outside"]) for one in here), sum(one["stopped"] for one in here)
            cells.append(f"{words}, {stopped} stopped" if stopped else str(words) if here else "")
        for group in spoken:
            whole = [one for one in found.values() if one["group"] == group and not one["stopped"]]
            wer = jiwer.wer([one["reference"] for one in whole], [one["text"] for one in whole]) if whole else None
            cells.append("" if wer is None else f"{100 * wer:.1f}")
        print(f"| {system} | {' | '.join(cells)} |")
    for system, found in results.items():
        said = [(name, one["outside"]) for name, one in found.items() if one["outside"]]
        print(f"\n{system}: " + "; ".join(f"{name}, {len(words)}: {' '.join(words[:12])}" for name, words in said))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", default=",".join(SYSTEMS))
    parser.add_argument("--groups", default=",".join(GROUPS))
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--model", default="base")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--bound-s", type=float, default=180.0)
    parser.add_argument("--into", type=Path, default=Path("hallucination-benchmark"))
    parser.add_argument("--report", action="store_true", help="only print what is there")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    groups = tuple(arguments.groups.split(","))
    arguments.into.mkdir(parents=True, exist_ok=True)
    if arguments.work:
        place = arguments.into / f"{arguments.work}.jsonl"
        asked = (groups, arguments.seconds, arguments.model, arguments.threads, arguments.bound_s)
        for found in work(arguments.work, *asked, set(known(place))):
            with place.open("a") as out:
                out.write(json.dumps(found, ensure_ascii=False) + "\n")
        return
    for system in [] if arguments.report else arguments.systems.split(","):
        subprocess.run([sys.executable, "-m", "benchmarks.hallucination", *sys.argv[1:], "--work", system], check=True)
    there = [name for name in SYSTEMS if (arguments.into / f"{name}.jsonl").exists()]
    report({name: known(arguments.into / f"{name}.jsonl") for name in there}, groups)


if __name__ == "__main__":
    main()
