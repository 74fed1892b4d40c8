"""The judge of the fault tests sees what is lost and what is doubled."""

from __future__ import annotations

from typing import Any, cast

import httpx
import pytest

from polyvox.ports import EventLog
from tests.chaos.faults.ends import Ends
from tests.chaos.faults.load import Sent
from tests.chaos.faults.verdict import Verdict, is_quiet, judge

NAME, MEDIA, OTHER = "a.flac", "media-00", "media-01"
COMPLETED = {"status": "completed"}
TRANSCRIPT = {"status": "completed", "segments": [{"text": "So we look"}]}


def ends(*announced: str, completed: dict[str, set[str]] | None = None, failed: dict[str, str] | None = None) -> Ends:
    made = Ends(cast(EventLog, None))
    made.announced[NAME] |= set(announced)
    made.completed.update(completed or {})
    for media_id, reason in (failed or {}).items():
        made.failed[media_id] = {f"failed-{media_id}": reason}
    return made


async def verdict(sent: Sent, ends: Ends, shown: Any = COMPLETED, transcript: Any = TRANSCRIPT) -> Verdict:
    def answer(request: httpx.Request) -> httpx.Response:
        body = transcript if request.url.path.endswith("/transcript") else shown
        return httpx.Response(404) if body is None else httpx.Response(200, json=body)

    async with httpx.AsyncClient(base_url="http://test", transport=httpx.MockTransport(answer)) as http:
        return await judge([sent], ends, http)


def uploaded(*media_ids: str) -> Sent:
    return Sent(NAME, "key", media_ids=set(media_ids))


async def test_one_visible_result_keeps_the_promise() -> None:
    found = await verdict(uploaded(MEDIA), ends(MEDIA, completed={MEDIA: {"one"}}))
    assert (found.kept, found.acknowledged, found.completed, found.failed) == (True, 1, 1, 0)


async def test_one_failure_with_a_reason_keeps_it_too() -> None:
    shown = {"status": "failed", "failure": {"reason": "There is no audio in it."}}
    found = await verdict(uploaded(MEDIA), ends(MEDIA, failed={MEDIA: "no audio"}), shown)
    assert (found.kept, found.completed, found.failed) == (True, 0, 1)
    assert "no audio" in found.reasons[0]


@pytest.mark.parametrize(
    ("sent", "here", "shown", "transcript"),
    [
        (uploaded(MEDIA), ends(), COMPLETED, TRANSCRIPT),
        (Sent(NAME, "bucket", dropped=True), ends(), COMPLETED, TRANSCRIPT),
        (uploaded(MEDIA), ends(MEDIA), COMPLETED, TRANSCRIPT),
        (uploaded(MEDIA), ends(MEDIA, completed={MEDIA: {"one"}}), None, TRANSCRIPT),
        (uploaded(MEDIA), ends(MEDIA, completed={MEDIA: {"one"}}), {"status": "processing"}, TRANSCRIPT),
        (uploaded(MEDIA), ends(MEDIA, completed={MEDIA: {"one"}}), COMPLETED, None),
        (uploaded(MEDIA), ends(MEDIA, completed={MEDIA: {"one"}}), COMPLETED, {"status": "completed", "segments": []}),
        (uploaded(MEDIA), ends(MEDIA, failed={MEDIA: "x"}), {"status": "failed", "failure": None}, TRANSCRIPT),
    ],
    ids=[
        "never announced",
        "dropped and never announced",
        "no end",
        "unknown to REST",
        "not ended in REST",
        "no transcript",
        "an empty transcript",
        "no reason",
    ],
)
async def test_lost(sent: Sent, here: Ends, shown: Any, transcript: Any) -> None:
    found = await verdict(sent, here, shown, transcript)
    assert len(found.lost) == 1
    assert not found.kept


@pytest.mark.parametrize(
    ("sent", "here"),
    [
        (uploaded(MEDIA), ends(MEDIA, OTHER, completed={MEDIA: {"one"}, OTHER: {"two"}})),
        (Sent(NAME, "once"), ends(MEDIA, OTHER, completed={MEDIA: {"one"}, OTHER: {"two"}})),
        (uploaded(MEDIA, OTHER), ends(MEDIA, OTHER, completed={MEDIA: {"one"}, OTHER: {"two"}})),
        (uploaded(MEDIA), ends(MEDIA, completed={MEDIA: {"one", "two"}})),
        (uploaded(MEDIA), ends(MEDIA, completed={MEDIA: {"one"}}, failed={MEDIA: "and failed"})),
    ],
    ids=["two recordings", "two, unacknowledged", "two acknowledged", "two completions", "completed and failed"],
)
async def test_doubled(sent: Sent, here: Ends) -> None:
    found = await verdict(sent, here)
    assert len(found.doubled) == 1
    assert not found.kept


def test_it_is_quiet_when_all_that_was_acknowledged_or_announced_has_ended() -> None:
    assert is_quiet([Sent(NAME, "once")], ends())
    assert not is_quiet([uploaded(MEDIA)], ends())
    assert not is_quiet([Sent(NAME, "once")], ends(MEDIA))
    assert is_quiet([uploaded(MEDIA)], ends(MEDIA, completed={MEDIA: {"one"}}))
