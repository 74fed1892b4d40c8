"""Search over all transcripts, on both databases: what is found, for whom, and for how long."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polyvox import keys
from polyvox.client import AsyncClient, Client
from polyvox.contracts import Options
from polyvox.errors import Invalid
from polyvox.http import create_app
from polyvox.service import Runtime
from results_api.database.connections import transaction
from results_api.database.tables import searchable, segments
from results_api.http.service import API
from results_api.search.backfill import Backfill
from tests.support.command import polyvox
from tests.support.results import Results, is_problem
from tests.support.server import serve
from tests.support.spoken import Spoken, found, publish
from tests.support.stages import START

DAY = timedelta(days=1)


async def test_words_phrases_beginnings_and_filters(world: Results, client: httpx.AsyncClient) -> None:
    board = Spoken(
        filename="board",
        said="The Budget was agreed. We <b>raise</b> naïve prices next year. No budget cuts, said he. All agreed.",
        options=Options(metadata={"case": "17", 'quo"te': "ä%_"}),
    )
    talk = Spoken(
        filename="talk",
        said="Wir beschließen den Budgetplan heute. Das ist alles.",
        language="de",
        uploaded_at=START + 2 * DAY,
        options=Options(metadata={"case": "18"}),
    )
    await publish(world, board, talk)
    for q, params, expected in (
        ("budget", {}, ["board", "board"]),
        ("BUDGET agreed", {}, ["board"]),
        ("budget*", {}, ["talk", "board", "board"]),
        ('"budget was"', {}, ["board"]),
        ('"was budget"', {}, []),
        ('"no budg"*', {}, ["board"]),
        ("naive", {}, ["board"]),
        ("beschliessen", {}, ["talk"]),
        ("budget*", {"language": "de"}, ["talk"]),
        ("budget*", {"language": "fr"}, []),
        ("agreed", {"speaker": "speaker 1"}, ["board"]),
        ("budget", {"speaker": "S2"}, ["board"]),
        ("budget", {"speaker": "S3"}, []),
        ("budget*", {"metadata.case": "18"}, ["talk"]),
        ("budget*", {"metadata.case": "17", 'metadata.quo"te': "ä%_"}, ["board", "board"]),
        ("budget*", {"metadata.case": "17", "metadata.other": "1"}, []),
        ("budget*", {"created_after": "2026-03-02T00:00:00Z"}, ["talk"]),
        ("budget*", {"created_before": "2026-03-02T00:00:00", "limit": 1}, ["board", "board"]),
        ("budget*", {"created_before": "2020-01-01T00:00:00Z"}, []),
        ("budget*", {"limit": 1}, ["talk", "board", "board"]),
    ):
        assert await found(client, q, **params) == expected, (q, params)

    page = (await client.get("/v1/search", params={"q": '"naive prices" raise'})).json()
    transcript = (await client.get(f"/v1/media/{board.media_id}/transcript")).json()
    (hit,) = page["items"]
    segment = transcript["segments"][hit["segment"]]
    assert (hit["start_s"], hit["end_s"], hit["speaker"]) == (segment["start"], segment["end"], segment["speaker"])
    assert hit["text"] == segment["text"].strip()
    assert [hit["text"][start:end] for start, end in hit["matches"]] == ["raise", "naïve prices"]
    assert "&lt;b&gt;<mark>raise</mark>&lt;/b&gt; <mark>naïve prices</mark> next year." in hit["snippet"]
    assert (hit["media_id"], hit["speaker_label"], hit["language"]) == (board.media_id, "Speaker 1", "en")
    assert hit["created_at"].startswith("2026-03-01T12:00:00")


async def test_any_script_is_searched_without_knowing_where_its_words_begin(
    world: Results, client: httpx.AsyncClient
) -> None:
    said = {
        "japanese": "昨日、東京都庁で会議がありました。",
        "chinese": "我们明天在北京开会。",
        "korean": "회의에서 예산을 결정했습니다.",
        "thai": "วันนี้เราจะประชุมกันที่กรุงเทพ",
        "arabic": "كَتَبَ الطالبُ رسالةً",
        "hindi": "आज हिन्दी में बात करेंगे।",
        "russian": "Ёлка стоит в ЗАЛЕ.",
    }
    await publish(world, *(Spoken(filename=name, said=text) for name, text in said.items()))
    for q, expected in (
        ("東京", ["japanese"]),
        ("都庁", ["japanese"]),
        ("京都", ["japanese"]),
        ("京", ["chinese", "japanese"]),
        ("会", ["chinese", "japanese"]),
        ("开会", ["chinese"]),
        ("회의", ["korean"]),
        ("예산", ["korean"]),
        ("ประชุม", ["thai"]),
        ("كتب رسالة", ["arabic"]),
        ("हिन्दी", ["hindi"]),
        ("हिन्द", []),
        ("елка зале", ["russian"]),
    ):
        assert sorted(await found(client, q)) == expected, q


async def test_a_result_is_found_once_as_its_newest_version_until_it_is_deleted(
    world: Results, client: httpx.AsyncClient
) -> None:
    first = Spoken(filename="first", said="An apple was eaten.")
    other = Spoken(filename="other", said="One more apple.")
    await publish(world, first, other)
    await publish(world, first)
    assert await found(client, "apple") == ["other", "first"]

    # Parts that are transcribed with other options make the next version.
    again = Spoken(media_id=first.media_id, filename="first", said="A pear was eaten.")
    await again.transcribe(world.store, options_hash="c" * 12)
    fact = again.transcribed(0, options_hash="c" * 12)
    await world.projection().handle(again.event(fact, 60))
    recording = await world.database.get(first.media_id)
    assert recording is not None
    assert recording.outcome is not None
    assert recording.outcome.version == 2
    assert await found(client, "apple") == ["other"]
    assert await found(client, "pear") == ["first"]

    assert (await client.delete(f"/v1/media/{first.media_id}")).status_code == 204
    assert await found(client, "pear") == []
    assert await found(client, "apple") == ["other"]
    async with transaction(world.database.engine) as connection:
        assert list(await connection.scalars(sa.select(segments.c.text))) == ["One more apple."]
        assert list(await connection.scalars(sa.select(searchable.c.media_id))) == [other.media_id]


async def test_results_from_before_become_searchable_once(world: Results, client: httpx.AsyncClient) -> None:
    old = [Spoken(filename=f"old-{n}", said=f"Number {n} was said.") for n in range(3)]
    await publish(world, *old)
    await _forget(world)
    assert await found(client, "said") == []
    await publish(world, Spoken(filename="new", said="This was said later."))
    await world.store.delete(keys.result(old[1].media_id, 1))

    backfill = Backfill(world.database, world.store, world.runtime.clock, mine=lambda: True)
    assert await backfill.all() == 3
    assert sorted(await found(client, "said")) == ["new", "old-0", "old-2"]
    assert await backfill.all() == 0
    assert sorted(await found(client, "said")) == ["new", "old-0", "old-2"]


async def test_a_running_projection_makes_older_results_searchable(world: Results, client: httpx.AsyncClient) -> None:
    await publish(world, Spoken(filename="old", said="This was said."))
    await _forget(world)
    async with world.projecting(), asyncio.timeout(90):
        while await found(client, "said") != ["old"]:
            await asyncio.sleep(0.05)


async def _forget(world: Results) -> None:
    """As a version without a search left the database."""
    async with transaction(world.database.engine) as connection:
        await connection.execute(sa.delete(searchable))
        await connection.execute(sa.delete(segments))
        if connection.dialect.name == "sqlite":
            await connection.exec_driver_sql("DELETE FROM segment_words")


async def test_a_tenant_finds_only_its_own(world: Results) -> None:
    await publish(
        world,
        *(Spoken(filename=tenant, tenant=tenant, said="A common word.") for tenant in ("default", "acme", "o'neill")),
    )
    runtime = world.runtime
    behind = Runtime(
        runtime.settings.model_copy(update={"trust_tenant_header": "X-Tenant"}),
        runtime.log,
        runtime.store,
        runtime.clock,
        "gateway",
    )
    assert API.http is not None
    async with serve(create_app([API.http(behind)], title="Polyvox")) as url, httpx.AsyncClient(base_url=url) as http:
        for tenant, expected in (("acme", ["acme"]), ("o'neill", ["o'neill"]), ("other", []), (None, ["default"])):
            http.headers = httpx.Headers({"X-Tenant": tenant} if tenant else {})
            assert await found(http, "common") == expected
        http.headers = httpx.Headers({"X-Tenant": "x" * 201})
        is_problem(await http.get("/v1/search", params={"q": "common"}), 400, "bad-tenant")


async def test_what_cannot_be_searched_is_refused(client: httpx.AsyncClient) -> None:
    for params, status, code in (
        ({}, 422, "invalid-request"),
        ({"q": ""}, 422, "invalid-request"),
        ({"q": "x" * 501}, 422, "invalid-request"),
        ({"q": "a", "limit": "101"}, 422, "invalid-request"),
        ({"q": "a", "created_after": "yesterday"}, 422, "invalid-request"),
        ({"q": '"* :'}, 400, "no-words"),
        ({"q": " ".join(map(str, range(40)))}, 400, "too-many-words"),
        ({"q": "a*"}, 400, "too-short"),
        ({"q": "a", "cursor": "x"}, 400, "bad-cursor"),
        ({"q": "a", "cursor": "LTE"}, 400, "bad-cursor"),
        ({"q": "a", "cursor": "ä"}, 400, "bad-cursor"),
    ):
        is_problem(await client.get("/v1/search", params=params), status, code)


async def test_no_text_is_taken_for_a_query_language(world: Results, client: httpx.AsyncClient) -> None:
    await publish(world, Spoken(filename="one", said="And or not near, it's a test of words tags."))
    texts = st.text(max_size=60) | st.text("\"'*:()&|!<->^{}\\- aAND東0\0", max_size=30)
    hostile = ("' OR 1=1 --", 'a" OR words:b', "a NEAR/2 b", "tags:x", "a <-> b:*", "NOT a", "\\'", "a\0b", "^a", "{a}")

    def ask(http: httpx.Client, q: str, other: str) -> None:
        for params in ({"q": q}, {"q": "test", "speaker": other, "language": q, f"metadata.{q}": other, "cursor": q}):
            response = http.get("/v1/search", params=params)
            assert response.status_code in (200, 400, 422), (params, response.text)

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(texts, texts)
    def fuzz(q: str, other: str) -> None:
        ask(http, q, other)

    with httpx.Client(base_url=client.base_url, timeout=60) as http:
        for text in hostile:
            await asyncio.to_thread(ask, http, text, text)
        await asyncio.to_thread(fuzz)
    assert await found(client, "AND OR NOT NEAR") == ["one"]
    assert await found(client, "tags:test") == []
    assert await found(client, '"words tags"') == ["one"]


async def test_clients_and_the_command_line_search(world: Results, client: httpx.AsyncClient, tmp_path: Path) -> None:
    said = "We talk of profit. " * 2
    spoken = [Spoken(filename=f"{n}.wav", said=said, uploaded_at=START + n * DAY) for n in range(3)]
    await publish(world, *spoken)
    url = str(client.base_url)
    async with AsyncClient(url) as asynchronous:
        hits = [hit async for hit in asynchronous.search('"of profit"', limit=2)]
        with pytest.raises(Invalid) as refused:
            await anext(asynchronous.search("*"))
        assert refused.value.code == "no-words"
    assert [hit.filename for hit in hits] == ["2.wav", "2.wav", "1.wav", "1.wav", "0.wav", "0.wav"]
    assert [hit.segment for hit in hits[:2]] == [0, 1]
    assert hits[0].speaker == "Speaker 1"
    assert [hits[0].text[start:end] for start, end in hits[0].matches] == ["of profit"]

    def synchronous() -> Sequence[Any]:
        with Client(url) as sync:
            return list(sync.search('"of profit"', limit=2))

    assert await asyncio.to_thread(synchronous) == hits

    async def command(*arguments: str) -> Any:
        return await asyncio.to_thread(polyvox, "search", *arguments, "--server", url, cwd=tmp_path)

    printed = await command("of profit", "tal*", "--limit", "3")
    assert printed.status == 0
    assert printed.out.splitlines() == [
        f"2.wav  {spoken[2].media_id}  2026-03-03",
        "[00:00:00] Speaker 1: We talk of profit.",
        "[00:00:02] Speaker 1: We talk of profit.",
        "",
        f"1.wav  {spoken[1].media_id}  2026-03-02",
        "[00:00:00] Speaker 1: We talk of profit.",
    ]
    filtered = await command("profit", "--after", "2026-03-03", "--json")
    assert [json.loads(line)["filename"] for line in filtered.out.splitlines()] == ["2.wav", "2.wav"]
    nothing = await command("loss", "--speaker", "Speaker 1", "--metadata", "a=b")
    assert (nothing.status, nothing.out) == (0, "")
    assert "Nothing was found" in nothing.err
