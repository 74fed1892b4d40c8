"""What a line of the log says."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from polyvox import tracing
from polyvox.access.secret import new_key
from polyvox.clock import SystemClock
from polyvox.contracts import PartWords, decode
from polyvox.errors import Invalid
from polyvox.logs import JsonLines, TextLines, about_work


def record(text: str, *arguments: object, **extra: object) -> logging.LogRecord:
    made = logging.getLogger("polyvox.test").makeRecord(
        "polyvox.test", logging.WARNING, __file__, 1, text, arguments, None, extra=extra
    )
    assert about_work(made)
    return made


def test_a_line_says_which_recording_it_is_about_while_it_is_worked_on() -> None:
    parent = tracing.new()
    with tracing.doing("transcriber", SystemClock(), parent=parent, media_id="rec-1", part=3, queued_us=1) as work:
        said = json.loads(JsonLines("here").format(record("attempt %d", 2)))
    assert said["message"] == "attempt 2"
    assert (said["level"], said["process"], said["logger"]) == ("warning", "here", "polyvox.test")
    assert (said["media_id"], said["stage"], said["part"], said["attempt"]) == ("rec-1", "transcriber", 3, 1)
    assert (said["trace_id"], said["span_id"]) == (parent.trace_id, work.context.span_id)
    assert "media_id" not in json.loads(JsonLines("here").format(record("idle")))


def test_a_call_may_say_itself_what_it_is_about() -> None:
    said = TextLines("100%").format(record("gave up", media_id="rec-1", part=None, stage="diarizer"))
    assert said.endswith("100%: gave up [media_id=rec-1 stage=diarizer]")


def test_an_exception_stays_on_its_line() -> None:
    made = record("no")
    try:
        raise ValueError("two\nlines")
    except ValueError:
        made.exc_info = sys.exc_info()
    text = JsonLines("here").format(made)
    assert "\n" not in text
    assert "two\nlines" in json.loads(text)["exception"]


def test_errors_of_contracts_do_not_quote_what_they_were_given() -> None:
    with pytest.raises(ValueError, match="words") as wrong:
        PartWords.model_validate_json('{"words": "a secret was told"}')
    assert "secret" not in str(wrong.value)
    with pytest.raises(Invalid) as refused:
        decode(b'{"type": "polyvox.media-failed.v1", "data": {"metadata": "a secret", "media_id": ["secret"]}}')
    assert "secret" not in refused.value.reason


def test_what_is_secret_of_a_key_is_in_no_line() -> None:
    key = new_key()
    made = record("sent %s to %s", key, [key])
    try:
        raise ValueError(f"Authorization: Bearer {key}")
    except ValueError:
        made.exc_info = sys.exc_info()
    for said in (JsonLines("here").format(made), TextLines("here").format(made)):
        assert key[-64:] not in said
        assert said.count(f"{key[:20]}_…") + said.count(f"{key[:20]}_\\u2026") >= 3
