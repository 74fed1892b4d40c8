"""Prints what is said in a recording while it is still being written down: ``python follow.py RECORDING``."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from polyvox.client import AsyncClient


async def main(recording: Path) -> None:
    server, key = os.environ.get("POLYVOX_SERVER", "http://127.0.0.1:8484"), os.environ.get("POLYVOX_API_KEY")
    async with AsyncClient(server, api_key=key or None) as client:
        media_id = await client.upload(recording)
        async for transcript in client.stream(media_id):
            # Each one is whole: parts are written down side by side, and speakers are told apart at the end.
            print(f"{transcript.status}: {len(transcript.text.split())} words so far", file=sys.stderr)
        labels = {speaker.id: speaker.label for speaker in transcript.speakers}
        for segment in transcript.segments:
            print(f"{segment.start:7.2f}  {labels.get(segment.speaker or '', '?')}: {segment.text.strip()}")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
