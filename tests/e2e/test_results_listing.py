"""Lists of recordings: pages stay stable while recordings come, filters find what they say."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import httpx
import pytest

from polyvox.contracts import Options
from tests.support.results import Results
from tests.support.stages import START, Recording


async def upload(world: Results, recordings: Sequence[Recording]) -> None:
    projection = world.projection()
    for recording in recordings:
        await projection.handle(recording.event(recording.upload))


async def listed(client: httpx.AsyncClient, **params: Any) -> list[str]:
    """File names, over all pages."""
    names: list[str] = []
    while True:
        page = (await client.get("/v1/media", params=params)).raise_for_status().json()
        names += [item["filename"] for item in page["items"]]
        if page["next_cursor"] is None:
            return names
        params["cursor"] = page["next_cursor"]


async def test_pages_show_each_recording_once_while_others_come_and_go(
    world: Results, client: httpx.AsyncClient
) -> None:
    # Several share a moment: the id decides among them.
    old = [Recording(filename=f"old-{n:02}", uploaded_at=START + timedelta(seconds=n // 3)) for n in range(30)]
    await upload(world, old)
    expected = sorted(old, key=lambda one: (one.uploaded_at, one.media_id), reverse=True)
    seen: list[str] = []
    cursor: str | None = None
    for n in range(100):
        params = {"limit": "7", **({"cursor": cursor} if cursor else {})}
        page = (await client.get("/v1/media", params=params)).json()
        seen += [item["filename"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        newer = [Recording(filename=f"new-{n}-{i}", uploaded_at=START + timedelta(hours=1 + n)) for i in range(5)]
        deletion = world.projection().deletion
        await asyncio.gather(upload(world, newer), deletion.delete(expected[len(seen) - 1].media_id))
    assert seen == [one.filename for one in expected]


async def test_lists_are_newest_first(world: Results, client: httpx.AsyncClient) -> None:
    order = [3, 1, 4, 0, 2]
    await upload(world, [Recording(filename=f"{n}", uploaded_at=START + timedelta(days=n)) for n in order])
    assert await listed(client) == ["4", "3", "2", "1", "0"]
    assert await listed(client, limit=1) == ["4", "3", "2", "1", "0"]


async def test_filters_find_what_they_say(world: Results, client: httpx.AsyncClient) -> None:
    odd = {"a.b": "1", 'quo"te': "ä%_", "case": "17"}
    await upload(
        world,
        [
            Recording(filename="Board MEETING 100%.wav", options=Options(language="en", metadata=odd)),
            Recording(filename="Größe_1.mp3", uploaded_at=START + timedelta(days=1), options=Options(language="de")),
            Recording(
                filename="interview.flac",
                uploaded_at=START + timedelta(days=2),
                options=Options(metadata={"case": "18", "a.b": "2"}),
            ),
        ],
    )
    board, size, interview = "Board MEETING 100%.wav", "Größe_1.mp3", "interview.flac"
    for params, expected in (
        ({"language": "de"}, [size]),
        ({"language": "fr"}, []),
        ({"status": "queued"}, [interview, size, board]),
        ({"status": "completed"}, []),
        ({"filename": "meeting"}, [board]),
        ({"filename": "GRÖSSE"}, [size]),
        ({"filename": "%"}, [board]),
        ({"filename": "_"}, [size]),
        ({"metadata.case": "17"}, [board]),
        ({"metadata.case": "17", "metadata.a.b": "1"}, [board]),
        ({"metadata.case": "17", "metadata.a.b": "2"}, []),
        ({'metadata.quo"te': "ä%_"}, [board]),
        ({"metadata.case": "1"}, []),
        ({"created_after": "2026-03-01T12:00:00Z"}, [interview, size]),
        ({"created_before": "2026-03-02T13:00:00+01:00"}, [board]),
        ({"created_after": "2026-03-01T18:00:00", "created_before": "2026-03-03T00:00:00"}, [size]),
    ):
        assert await listed(client, **params) == expected, params


async def test_status_and_language_change_with_the_recording(world: Results, client: httpx.AsyncClient) -> None:
    recording = Recording(language="fi")
    await recording.store_all(world.store)
    projection = world.projection()
    for second, fact in enumerate(recording.facts):
        await projection.handle(recording.event(fact, second))
    assert await listed(client, status="completed", language="fi") == ["Meeting.wav"]
    assert await listed(client, status="queued") == []


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"limit": "0"}, 422),
        ({"limit": "201"}, 422),
        ({"status": "done"}, 422),
        ({"created_after": "yesterday"}, 422),
        ({"cursor": "x"}, 400),
        ({"cursor": "W10"}, 400),
        ({"cursor": "WyJ4IiwgMV0"}, 400),
        ({"cursor": "ä"}, 400),
    ],
)
async def test_bad_parameters_are_refused(client: httpx.AsyncClient, params: dict[str, str], status: int) -> None:
    response = await client.get("/v1/media", params=params)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
