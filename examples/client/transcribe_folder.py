"""Sends a folder of recordings and writes their subtitles: ``python transcribe_folder.py FOLDER OUT``.

Started again after Ctrl-C, a crash or a lost connection it goes on: ``OUT/uploaded.jsonl`` has what the server has.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from polyvox.client import Client
from polyvox.contracts import Options

SUFFIXES = {".wav", ".flac", ".mp3", ".m4a", ".ogg", ".mp4"}


def main(folder: Path, out: Path) -> int:
    """How many recordings have no subtitles in the end."""
    failed = 0
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    with Client(os.environ.get("POLYVOX_SERVER", "http://127.0.0.1:8484"), api_key=_key()) as client:
        wanted = Options(metadata={"folder": folder.name})
        sent = client.upload_all(files, wanted, lane="bulk", parallel=8, journal=out / "uploaded.jsonl")
        for one in list(sent):
            if one.media_id is None:
                print(f"{one.path}: {one.error}", file=sys.stderr)
                failed += 1
                continue
            ended = client.wait(one.media_id)
            if ended.status != "completed":
                print(f"{one.path}: {ended.reason or ended.status}", file=sys.stderr)
                failed += 1
                continue
            place = out / one.path.relative_to(folder).with_suffix(".srt")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(client.export(one.media_id, "srt", max_line_length=42), encoding="utf-8")
            print(place)
    return failed


def _key() -> str | None:
    return os.environ.get("POLYVOX_API_KEY") or None


if __name__ == "__main__":
    sys.exit(1 if main(Path(sys.argv[1]), Path(sys.argv[2])) else 0)
