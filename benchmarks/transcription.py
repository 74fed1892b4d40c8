"""Transcribers side by side on the same audio and weights: speed, word errors, memory, cold start.

    python -m benchmarks.transcription [--systems NAME,…] [--minutes 3] [--model base] [--into FOLDER]
        [--whisperx PYTHON]

Each system runs in a process of its own, one after the other, on groups of the evaluation set and on three kinds of
load: long recordings, many short files (bulk), one file of 30 s alone. whisperX runs in an environment of its own, by
the PYTHON that is named. Results are kept in FOLDER, one JSON file for each system; with --report only the table of
what is there is printed. ``--minutes`` takes so much of each group, evenly over its files, ``--long-minutes`` of those
with long recordings; 0 takes all. Processor time stands beside the time by the clock: on a machine that others use
too, it is what to compare. Models that know English only hear the recordings in English.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jiwer
from whisper.normalizers import BasicTextNormalizer

from benchmarks.scoring import normalised
from benchmarks.transcribers import ELSEWHERE, SYSTEMS
from polyvox.settings import Settings

EVALUATION_SET = Path(__file__).resolve().parents[2] / "shared/eval/open"
GROUPS = {
    "read": ("en_read",),
    "degraded": ("degraded",),
    "long": ("long",),
    "multilingual": ("multilingual",),
    "conversations": ("composite", "diar_real"),
}
BULK_S = (3.0, 20.0)
WITHOUT_SPACES = ("zh", "ja", "ko")


def chosen(
    manifest: Sequence[dict[str, Any]], minutes: float, long_minutes: float, bulk_files: int
) -> dict[str, list[dict[str, Any]]]:
    """Recordings by group: of each as much as there is time for."""
    groups = {
        name: [m for m in manifest if m["set"] in sets and m.get("reference_text")] for name, sets in GROUPS.items()
    }
    groups = {name: recordings for name, recordings in groups.items() if recordings}
    short = [m for m in [*groups["read"], *groups.get("multilingual", [])] if BULK_S[0] <= m["duration_s"] <= BULK_S[1]]
    taken = {
        name: evenly(recordings, 60 * (long_minutes if name in ("long", "conversations") else minutes))
        for name, recordings in groups.items()
    }
    return {**taken, "bulk": short[:: max(1, len(short) // bulk_files)][:bulk_files]}


def evenly(recordings: list[dict[str, Any]], seconds: float) -> list[dict[str, Any]]:
    """Every k-th, with the smallest k at which all together are no longer than ``seconds``; at least one."""
    for step in range(1, len(recordings) + 1):
        some = recordings[step // 2 :: step]
        if not seconds or sum(m["duration_s"] for m in some) <= seconds:
            return some
    return [min(recordings, key=lambda m: m["duration_s"])]


def run(
    system: str, groups: dict[str, list[dict[str, Any]]], model: str, threads: int, into: Path, python: Path
) -> None:
    """Let a process of its own, of that ``python``, transcribe all groups; its answer goes into ``into``."""
    work = {
        "system": system,
        "weights": str(Settings().weights_dir),
        "model": model,
        "threads": threads,
        "groups": {
            name: [
                {
                    "id": m["id"],
                    "path": str(EVALUATION_SET / m["path"]),
                    "language": _forced(m),
                    "seconds": m["duration_s"],
                }
                for m in recordings
            ]
            for name, recordings in groups.items()
        },
    }
    began_s = time.monotonic()
    answer = subprocess.run(
        [python, "-m", "benchmarks.transcribers"],
        input=json.dumps(work),
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        raise SystemExit(f"{system} failed:\n{answer.stderr[-4000:]}")
    result = {**json.loads(answer.stdout.splitlines()[-1]), "took_s": time.monotonic() - began_s}
    (into / f"{system}.json").write_text(json.dumps(result, ensure_ascii=False, indent=1))


def _forced(recording: dict[str, Any]) -> str | None:
    """The language all systems are told, so that no system's guess decides; none where a recording has several."""
    return None if recording["language"] == "mul" else recording["language"]


def scores(recordings: Iterable[dict[str, Any]], texts: dict[str, str]) -> dict[str, float]:
    """Word errors over all recordings together, in percent of the reference's words; characters for zh, ja and ko."""
    pairs = [(plain(m["reference_text"], m["language"]), plain(texts[m["id"]], m["language"])) for m in recordings]
    found = jiwer.process_words([reference for reference, _ in pairs], [hypothesis for _, hypothesis in pairs])
    words = found.hits + found.substitutions + found.deletions
    return {
        "WER": 100 * found.wer,
        "deletions": 100 * found.deletions / words,
        "insertions": 100 * found.insertions / words,
        "words": words,
    }


def plain(text: str, language: str) -> str:
    if language in WITHOUT_SPACES:
        return str(BasicTextNormalizer(split_letters=True)(text)).strip()
    return normalised(text, language)


def report(groups: dict[str, list[dict[str, Any]]], into: Path) -> None:
    """Two Markdown tables: speed and memory; word errors by group."""
    results = {path.stem: json.loads(path.read_text()) for path in into.glob("*.json")}
    results = {system: results[system] for system in SYSTEMS if system in results}
    print(
        f"\n{machine()}\n\n" + ", ".join(f"{name}: {len(g)} files, {_minutes(g):.1f} min" for name, g in groups.items())
    )
    spoken = [name for name in GROUPS if name in groups]
    loads = ["long", "bulk", "single", *[name for name in spoken if name != "long"]]
    print("\nTimes real time by processor time of one core (by the clock)\n")
    print(f"| system | {' | '.join(loads)} | cold start, s | peak memory, MiB |\n|---|{'---|' * (len(loads) + 2)}")
    for system, result in results.items():
        cells = [
            f"{t['audio_s'] / t['cpu_s']:.1f} ({t['audio_s'] / t['wall_s']:.1f})"
            for t in (result["times"][n] for n in loads)
        ]
        print(f"| {system} | {' | '.join(cells)} | {result['cold_start_s']:.1f} | {result['peak_mib']:.0f} |")
    print("\nWER in percent (deletions, insertions)\n")
    print(f"| system | {' | '.join(spoken)} |\n|---|{'---|' * len(spoken)}")
    for system, result in results.items():
        found = [scores(groups[name], result["texts"][name]) for name in spoken]
        cells = [f"{s['WER']:.1f} ({s['deletions']:.1f}, {s['insertions']:.1f})" for s in found]
        print(f"| {system} | {' | '.join(cells)} |")


def machine() -> str:
    names = ("torch", "openai-whisper", "faster-whisper", "ctranslate2", "numba")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        "",
    )
    return f"{model or platform.processor()}, {versions}"


def _minutes(recordings: Sequence[dict[str, Any]]) -> float:
    return float(sum(m["duration_s"] for m in recordings)) / 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", default=",".join(SYSTEMS))
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--long-minutes", type=float, default=9.0)
    parser.add_argument("--bulk-files", type=int, default=60)
    parser.add_argument("--model", default="base")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--into", type=Path, default=Path("transcription-benchmark"))
    parser.add_argument("--whisperx", type=Path, help="the python of an environment with whisperX")
    parser.add_argument("--report", action="store_true")
    arguments = parser.parse_args()
    manifest = [json.loads(line) for line in (EVALUATION_SET / "manifest.jsonl").read_text().splitlines()]
    if arguments.model.endswith(".en"):
        manifest = [m for m in manifest if m.get("language") == "en"]
    groups = chosen(manifest, arguments.minutes, arguments.long_minutes, arguments.bulk_files)
    arguments.into.mkdir(parents=True, exist_ok=True)
    if not arguments.report:
        for system in arguments.systems.split(","):
            python = arguments.whisperx if system in ELSEWHERE else Path(sys.executable)
            if python is None:
                print(f"{system} is left out: --whisperx names no environment it is in", file=sys.stderr)
                continue
            run(system, groups, arguments.model, arguments.threads, arguments.into, python)
    report(groups, arguments.into)


if __name__ == "__main__":
    main()
