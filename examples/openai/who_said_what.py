"""Prints who said what in a recording, as it is told: ``python who_said_what.py RECORDING``.

Where the server is, and the key, OpenAI's SDK reads from OPENAI_BASE_URL and OPENAI_API_KEY.
"""

from __future__ import annotations

import sys
from pathlib import Path

from openai import OpenAI


def main(recording: Path) -> None:
    with OpenAI() as client, recording.open("rb") as file:
        events = client.audio.transcriptions.create(
            model="gpt-4o-transcribe-diarize", file=file, response_format="diarized_json", stream=True
        )
        for event in events:
            if event.type == "transcript.text.segment":
                print(f"{event.start:7.2f}  {event.speaker}: {event.text}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
