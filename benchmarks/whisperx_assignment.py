"""whisperX's own assignment of words to turns, run by the Python of an environment with whisperX in it.

Reads a list of tasks {"words": [[start, end, text]…], "turns": [[start, end, speaker]…], "fill_nearest": bool},
writes for each a list of speakers, null where whisperX gives none.
"""

from __future__ import annotations

import json
import sys
from typing import Any


def assigned(task: dict[str, Any]) -> list[str | None]:
    import pandas
    from whisperx.diarize import assign_word_speakers

    turns = pandas.DataFrame(task["turns"], columns=["start", "end", "speaker"])
    words = [{"start": start, "end": end, "word": text} for start, end, text in task["words"]]
    whole = {"start": words[0]["start"], "end": words[-1]["end"], "text": "", "words": words}
    found = assign_word_speakers(turns, {"segments": [whole]}, fill_nearest=task["fill_nearest"])
    return [word.get("speaker") for word in found["segments"][0]["words"]]


if __name__ == "__main__":
    json.dump([assigned(task) for task in json.load(sys.stdin)], sys.stdout)
