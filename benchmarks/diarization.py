"""Who spoke when: pyannote.audio's own pipeline and ours side by side, same weights, same recordings.

    python -m benchmarks.diarization [--sets composite diar_real long] [--rows FILE]

Each pipeline has a process of its own; every recording goes through one after the other. What is
measured is added to ``--rows`` as it comes, and what is there already is not measured again, so that a
long run can be had in pieces. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from scipy.signal import resample_poly

from benchmarks.diarization_scores import components, table
from benchmarks.scoring import SpokenTurn, read_rttm
from diarizer.children import EMBEDDING, SEGMENTATION
from polyvox import weights
from polyvox.child.child import Child
from polyvox.child.pool import MODEL_ENV, cores
from polyvox.settings import Settings

EVALUATION = Path(__file__).parents[2] / "shared" / "eval" / "open"
SETS = ("composite", "diar_real", "long")
PIPELINES = ("stock", "polyvox")
RATE_HZ = 16_000
TIMEOUT_S = 3600.0


async def measure(recordings: list[dict[str, Any]], pipelines: list[str], rows: Path, arguments: Any) -> None:
    """Add a row for each recording and pipeline that has none."""
    done = {(row["id"], row["pipeline"], row["hint"]) for row in read(rows)}
    children = {pipeline: child(pipeline) for pipeline in pipelines}
    try:
        with tempfile.TemporaryDirectory(prefix="polyvox-bench-") as folder:
            for recording in recordings:
                for pipeline in pipelines:
                    if (recording["id"], pipeline, arguments.hint) in done:
                        continue
                    if time.monotonic() > arguments.until_s:
                        return
                    row = await once(children[pipeline], recording, Path(folder), hint=arguments.hint)
                    print(f"{recording['id']:28} {pipeline:10} {row['wall_s']:7.1f} s", flush=True)
                    with rows.open("a") as file:
                        file.write(json.dumps({**row, "pipeline": pipeline, "hint": arguments.hint}) + "\n")
    finally:
        await asyncio.gather(*(each.close() for each in children.values()))


def child(pipeline: str) -> Child:
    folder = Settings().weights_dir
    segmentation, embedding = (str(weights.pull(name, folder) / file) for name, file in (SEGMENTATION, EMBEDDING))
    kwargs = {"pipeline": pipeline, "segmentation": segmentation, "embedding": embedding, "threads": cores()}
    return Child("benchmarks.diarization_engines:build", kwargs, name=pipeline, env=MODEL_ENV)


async def once(child: Child, recording: dict[str, Any], folder: Path, *, hint: bool) -> dict[str, Any]:
    audio = decoded(EVALUATION / recording["path"], folder / f"{recording['id']}.flac")
    reference = read_rttm(EVALUATION / recording["rttm"])
    wanted = len({turn.speaker for turn in reference}) if hint else None
    run = await child.call("run", str(audio), wanted, timeout_s=TIMEOUT_S)
    found = [SpokenTurn(*turn) for turn in run.pop("turns")]
    scores = components(reference, found, recording["duration_s"])
    return {
        "id": recording["id"],
        "group": recording["set"],
        "audio_s": recording["duration_s"],
        **scores,
        **run,
    }


def decoded(source: Path, place: Path) -> Path:
    """``source`` as the pipeline keeps audio: 16 kHz, mono, 16 bits."""
    if not place.exists():
        samples, rate = soundfile.read(source, dtype="float32", always_2d=True)
        shared = gcd(rate, RATE_HZ)
        mono = samples.mean(axis=1)
        resampled = mono if rate == RATE_HZ else resample_poly(mono, RATE_HZ // shared, rate // shared)
        soundfile.write(place, np.clip(resampled, -1.0, 1.0), RATE_HZ, subtype="PCM_16")
    return place


def recordings_of(sets: list[str], longest_s: float) -> list[dict[str, Any]]:
    lines = (EVALUATION / "manifest.jsonl").read_text().splitlines()
    known = (json.loads(line) for line in lines)
    return [one for one in known if one["set"] in sets and one["rttm"] and one["duration_s"] <= longest_s]


def read(rows: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in rows.read_text().splitlines()] if rows.exists() else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="*", default=list(SETS))
    parser.add_argument("--pipelines", nargs="*", default=list(PIPELINES), help="stock, stock@STEP, polyvox")
    parser.add_argument("--longest-s", type=float, default=float("inf"), help="leave out what is longer")
    parser.add_argument("--hint", action="store_true", help="say how many speakers there are")
    parser.add_argument("--rows", type=Path, default=Path("diarization-rows.jsonl"))
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin nothing new after that long")
    arguments = parser.parse_args()
    arguments.until_s = time.monotonic() + 60 * arguments.minutes
    recordings = recordings_of(arguments.sets, arguments.longest_s)
    asyncio.run(measure(recordings, arguments.pipelines, arguments.rows, arguments))
    wanted = {recording["id"] for recording in recordings}
    measured = [row for row in read(arguments.rows) if row["id"] in wanted and row["hint"] == arguments.hint]
    print(table([row for row in measured if row["pipeline"] in arguments.pipelines]))


if __name__ == "__main__":
    main()
