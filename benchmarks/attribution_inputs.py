"""What attribution and recognition are measured on: words and turns of the evaluation set, kept in files.

    python -m benchmarks.attribution_inputs words|polyvox|stock [--sets composite diar_real long] [--minutes 4]

Writes FOLDER/ID.words.json (our default transcriber) and FOLDER/ID.PIPELINE.json (turns of our diarizer, or of
pyannote.audio's own pipeline with the same weights). What is there already is not made again, so that the
work can be had in pieces.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from benchmarks.diarization import EVALUATION, decoded, kept
from benchmarks.diarization_engines import Polyvox, Stock
from diarizer.children import EMBEDDING, SEGMENTATION
from polyvox import weights
from polyvox.child.pool import cores
from polyvox.contracts import Diarization, PartWords, SpeechRegion, Word
from polyvox.settings import Settings

FOLDER = Path("attribution-inputs")
SETS = ("composite", "diar_real", "long")
Recording = dict[str, Any]
"""A line of the evaluation set's manifest."""

Make = Callable[[Recording, NDArray[np.float32]], PartWords | Diarization]


def recordings(sets: list[str]) -> list[Recording]:
    lines = (EVALUATION / "manifest.jsonl").read_text().splitlines()
    return [one for one in map(json.loads, lines) if one["set"] in sets and one["duration_s"]]


def words(folder: Path, media_id: str) -> PartWords:
    return PartWords.model_validate_json((folder / f"{media_id}.words.json").read_bytes())


def diarization(folder: Path, media_id: str, pipeline: str) -> Diarization:
    return Diarization.model_validate_json((folder / f"{media_id}.{pipeline}.json").read_bytes())


def transcriber() -> Make:
    from transcriber.engines.base import TranscribeOptions
    from transcriber.engines.registry import load

    settings = Settings()
    engine = load(settings.transcriber_engine, weights_dir=settings.weights_dir, threads=cores())

    def make(recording: Recording, samples: NDArray[np.float32]) -> PartWords:
        language = recording["language"] if recording["language"] != "mul" else None
        found = engine.transcribe(samples, TranscribeOptions(language=language))
        return PartWords(
            media_id=recording["id"],
            part=0,
            start_s=0.0,
            end_s=len(samples) / 16_000,
            language=found.language,
            words=[
                Word(start_s=w.start_s, end_s=w.end_s, text=w.text, probability=w.probability, segment=w.segment)
                for w in found.words
            ],
            speech=[SpeechRegion(start_s=start, end_s=end) for start, end in found.speech],
            engine=engine.name,
            model="base",
        )

    return make


def polyvox() -> Make:
    return _diarizer(Polyvox(*_weights(), cores()), "polyvox")


def stock() -> Make:
    return _diarizer(Stock(*_weights(), cores(), remember=True), "stock")


def _diarizer(pipeline: Polyvox | Stock, name: str) -> Make:
    def make(recording: Recording, samples: NDArray[np.float32]) -> Diarization:
        return kept(pipeline.diarized(samples), recording, name)

    return make


def _weights() -> tuple[str, str]:
    folder = Settings().weights_dir
    segmentation, embedding = (str(weights.pull(name, folder) / file) for name, file in (SEGMENTATION, EMBEDDING))
    return segmentation, embedding


MAKERS: dict[str, Callable[[], Make]] = {"words": transcriber, "polyvox": polyvox, "stock": stock}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=list(MAKERS))
    parser.add_argument("--sets", nargs="*", default=list(SETS))
    parser.add_argument("--ids", nargs="*", help="only these, in this order")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin nothing new after that long")
    arguments = parser.parse_args()
    until_s = time.monotonic() + 60 * arguments.minutes
    arguments.folder.mkdir(exist_ok=True)
    known = {one["id"]: one for one in recordings(arguments.sets)}
    wanted = [known[name] for name in arguments.ids or known]
    make: Make | None = None
    with tempfile.TemporaryDirectory(prefix="polyvox-bench-") as folder:
        for recording in wanted:
            place = arguments.folder / f"{recording['id']}.{arguments.what}.json"
            if place.exists():
                continue
            if time.monotonic() > until_s:
                break
            make = make or MAKERS[arguments.what]()
            flac = decoded(EVALUATION / recording["path"], Path(folder) / f"{recording['id']}.flac")
            samples, _ = soundfile.read(flac, dtype="float32")
            began_s = time.monotonic()
            made = make(recording, np.ascontiguousarray(samples))
            place.write_text(made.model_dump_json())
            print(f"{recording['id']:28} {time.monotonic() - began_s:7.1f} s", flush=True)


if __name__ == "__main__":
    main()
