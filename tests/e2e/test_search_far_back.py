"""However far back a page of hits reaches, it is the latest that has the words: none is left out, none comes twice."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest
import sqlalchemy as sa

from polyvox.contracts import MediaUploaded
from results_api.database import rows
from results_api.database.recording import queued
from results_api.database.searchable import put
from results_api.database.tables import recordings
from results_api.search import searching
from results_api.search.asked import tags
from results_api.search.searchable import Searchable, Segment
from results_api.search.searching import Filters, search
from tests.support.databases import Place
from tests.support.results import Results, results
from tests.support.stages import START, Recording

RECORDINGS, SEGMENTS, PAGE = 100, 3, 4
OFTEN, SELDOM = "often", "seldom"
DAY = timedelta(days=1)


def said() -> Iterator[list[str]]:
    """Some words nearly always, some hardly ever, some in a stretch long ago alone."""
    chance = random.Random(5)
    for number in range(RECORDINGS * SEGMENTS):
        words = [OFTEN if chance.random() < 0.7 else "other", SELDOM if chance.random() < 0.03 else "more"]
        if 20 <= number < 90:
            words.append("old")
        yield [*words, "words"]


async def fill(world: Results) -> list[tuple[str, int, list[str]]]:
    """What is said, the latest recording first."""
    heard: list[tuple[str, int, list[str]]] = []
    texts = said()
    async with world.database.engine.begin() as connection:
        for number in range(RECORDINGS):
            upload = Recording(uploaded_at=START + number * DAY).facts[0]
            assert isinstance(upload, MediaUploaded)
            spoken = [next(texts) for _ in range(SEGMENTS)]
            segments = [
                Segment(index, index, index + 1, None, None, "en", " ".join(words), words, tags(tenant="default"))
                for index, words in enumerate(spoken)
            ]
            await connection.execute(sa.insert(recordings), rows.row_of(queued(upload)))
            await connection.run_sync(put, Searchable(upload.media_id, 1, segments))
            heard[:0] = [(upload.media_id, index, words) for index, words in enumerate(spoken)]
    return heard


async def pages(world: Results, q: str, filters: Filters) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    cursor: str | None = None
    while True:
        page = await search(world.database, q, filters, limit=PAGE, cursor=cursor)
        found += [(hit.media_id, hit.segment) for hit in page.hits]
        if page.next_cursor is None:
            return found
        assert len(page.hits) == PAGE
        cursor = page.next_cursor


def has(words: Sequence[str], q: str) -> bool:
    if q.endswith("*"):
        return any(word.startswith(q[:-1]) for word in words)
    return q.strip('"') in " ".join(words) if q.startswith('"') else set(q.split()) <= set(words)


@pytest.mark.parametrize("latest", [1, 7, 1000])
async def test_pages_hold_all_hits_in_order(place: Place, monkeypatch: pytest.MonkeyPatch, latest: int) -> None:
    monkeypatch.setattr(searching, "LATEST", latest)
    async with results(place) as world:
        heard = await fill(world)
        timed = Filters(created_after=START + 10 * DAY, created_before=START + 40 * DAY)
        within = {media_id for n, (media_id, _, _) in enumerate(reversed(heard)) if 11 <= n // SEGMENTS < 40}
        for q in (OFTEN, SELDOM, "old", f"{OFTEN} {SELDOM}", f'"{OFTEN} more"', f'"{SELDOM} old"', "se*", "nobody"):
            expected = [(media_id, index) for media_id, index, words in heard if has(words, q)]
            assert await pages(world, q, Filters()) == expected, q
            assert await pages(world, q, timed) == [one for one in expected if one[0] in within], q
            assert await pages(world, q, Filters(tenant="nobody")) == []
