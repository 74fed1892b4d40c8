"""Writes every finished transcript as Markdown for people and CSV for tables: ``python export_all.py OUT``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from polyvox.client import Client, TranscriptFormat

FORMS: dict[TranscriptFormat, str] = {"markdown": "md", "csv": "csv"}


def main(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    server, key = os.environ.get("POLYVOX_SERVER", "http://127.0.0.1:8484"), os.environ.get("POLYVOX_API_KEY")
    with Client(server, api_key=key or None) as client:
        for recording in client.list(status="completed"):
            for form, suffix in FORMS.items():
                place = out / f"{recording.media_id}.{suffix}"
                if not place.exists():
                    place.write_text(client.export(recording.media_id, form), encoding="utf-8", newline="")
                    print(place)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
