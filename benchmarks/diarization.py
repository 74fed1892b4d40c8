"""Who spoke when: pyannote.audio's own pipeline and ours side by side, same weights, same recordings; senko as well.

    python -m benchmarks.diarization [--sets composite diar_real long] [--rows FILE] [--turns FOLDER] [--senko PYTHON]

Each pipeline has a process of its own; every recording goes through one after the other. What is
measured is added to ``--rows`` as it comes, and what is there already is not measured again, so that a
long run can be had in pieces. ``--turns`` keeps what each pipeline found as FOLDER/ID.PIPELINE.json, which is what
benchmarks.attribution wants. Prints a Markdown table.
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
from benchmarks.senko_diarization import Senko
from diarizer import artifact
from diarizer.children import EMBEDDING, SEGMENTATION
from diarizer.engines.base import Diarized, EngineTurn
from polyvox import weights
from polyvox.child.child import Child
from polyvox.child.pool import MODEL_ENV, cores
from polyvox.contracts import Diarization
from polyvox.settings import Settings

EVALUATION = Path(__file__).parents[2] / "shared" / "eval" / "open"
SETS = ("composite", "diar_real", "long")
PIPELINES = ("stock", "polyvox")
RATE_HZ = 16_000
TIMEOUT_S = 3600.0


async def measure(recordings: list[dict[str, Any]], pipelines: list[str], rows: Path, arguments: Any) -> None:
    """Add a row for each recording and pipeline that has none."""
    done = {(row["id"], row["pipeline"], row["hint"]) for row in read(rows)}
    children = {name: Senko(arguments.senko) if name == "senko" else child(name) for name in pipelines}
    try:
        with tempfile.TemporaryDirectory(prefix="polyvox-bench-") as folder:
            for recording in recordings:
                for pipeline in pipelines:
                    if (recording["id"], pipeline, arguments.hint) in done:
                        continue
                    if time.monotonic() > arguments.until_s:
                        return
                    row, found = await once(children[pipeline], recording, Path(folder), hint=arguments.hint)
                    if arguments.turns:
                        place = arguments.turns / f"{recording['id']}.{pipeline}.json"
                        place.write_text(kept(found, recording, pipeline).model_dump_json())
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


async def once(
    child: Child | Senko, recording: dict[str, Any], folder: Path, *, hint: bool
) -> tuple[dict[str, Any], Diarized]:
    audio = decoded(EVALUATION / recording["path"], folder / f"{recording['id']}.wav")
    reference = read_rttm(EVALUATION / recording["rttm"])
    wanted = len({turn.speaker for turn in reference}) if hint else None
    run = await child.call("run", str(audio), wanted, timeout_s=TIMEOUT_S)
    turns, exclusive = ([EngineTurn(*turn) for turn in run.pop(kind)] for kind in ("turns", "exclusive_turns"))
    found = Diarized(turns, exclusive, {})
    spoken = [SpokenTurn(turn.start_s, turn.end_s, turn.speaker) for turn in found.turns]
    scores = components(reference, spoken, recording["duration_s"])
    about = {"id": recording["id"], "group": recording["set"], "audio_s": recording["duration_s"]}
    return {**about, **scores, **run}, found


def kept(found: Diarized, recording: dict[str, Any], pipeline: str) -> Diarization:
    """As the diarizer stores it."""
    return artifact.artifact(
        found, media_id=recording["id"], duration_s=recording["duration_s"], engine="pyannote", model=pipeline
    )


def decoded(source: Path, place: Path) -> Path:
    """``source`` as the pipeline keeps audio: 16 kHz, mono, 16 bits."""
    if not place.exists():
        samples, rate = soundfile.read(source, dtype="float32", always_2d=True)
        shared = gcd(rate, RATE_HZ)
        mono = samples.mean(axis=1)
        resampled = mono if rate == RATE_HZ else resample_poly(mono, RATE_HZ // shared, rate // shared)
        soundfile.write(place, np.clip(resampled, -1.0, 1.0), RATE_HZ, subtype="PCM_16")
    return place


def recordings_of(sets: list[str], longest_s: float, ids: list[str] | None = None) -> list[dict[str, Any]]:
    """Those with a reference, as the manifest has them; ``ids``: only these, in this order."""
    lines = (EVALUATION / "manifest.jsonl").read_text().splitlines()
    known = {one["id"]: one for one in map(json.loads, lines)}
    wanted = (known[name] for name in ids or known)
    return [one for one in wanted if one["set"] in sets and one["rttm"] and one["duration_s"] <= longest_s]


def read(rows: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in rows.read_text().splitlines()] if rows.exists() else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="*", default=list(SETS))
    parser.add_argument("--ids", nargs="*", help="only these, in this order")
    parser.add_argument(
        "--pipelines", nargs="*", default=list(PIPELINES), help="polyvox, stock, stock@S, stock-quick, senko"
    )
    parser.add_argument("--longest-s", type=float, default=float("inf"), help="leave out what is longer")
    parser.add_argument("--hint", action="store_true", help="say how many speakers there are")
    parser.add_argument("--rows", type=Path, default=Path("diarization-rows.jsonl"))
    parser.add_argument("--turns", type=Path, help="where to keep what is found")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin nothing new after that long")
    parser.add_argument("--senko", type=Path, help="the python of an environment with senko, for the pipeline senko")
    arguments = parser.parse_args()
    if "senko" in arguments.pipelines and arguments.senko is None:
        parser.error("--senko names no environment that has it")
    arguments.until_s = time.monotonic() + 60 * arguments.minutes
    recordings = recordings_of(arguments.sets, arguments.longest_s, arguments.ids)
    asyncio.run(measure(recordings, arguments.pipelines, arguments.rows, arguments))
    wanted = {recording["id"] for recording in recordings}
    measured = [row for row in read(arguments.rows) if row["id"] in wanted and row["hint"] == arguments.hint]
    print(table([row for row in measured if row["pipeline"] in arguments.pipelines]))


if __name__ == "__main__":
    main()
