"""Why words are suspected to be made up: every reason there is. They stand in artifacts and in transcripts."""

from __future__ import annotations

from typing import Literal

Reason = Literal["loop", "silence", "rush", "stock", "echo", "doubt", "outside-speech"]

REASONS: dict[Reason, str] = {
    "loop": "The same words come again and again in a row; the first time stays.",
    "silence": "The model believes neither these words nor that anybody speaks.",
    "rush": "More words than anybody can say in that time.",
    "stock": "A phrase that models write where nobody speaks, and there is little sign that somebody does.",
    "echo": "The same phrase in several windows, and in each there is little sign that somebody speaks.",
    "doubt": "The model doubts the words at every temperature, and there is little sign that somebody speaks.",
    "outside-speech": "No speech was heard near these words.",
}
"""What each means, for the documentation."""
