"""Transcripts in every form, over HTTP, by the clients and on the command line."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from polyvox.client import AsyncClient, Client
from polyvox.errors import Invalid
from results_api.formats.negotiation import MEDIA_TYPES, RENDERERS
from results_api.formats.style import USUAL, Style
from tests.support.command import polyvox
from tests.support.databases import Place
from tests.support.results import completed, is_problem, running
from tests.support.stages import Recording


async def test_a_transcript_comes_in_every_form(place: Place) -> None:
    recording = Recording()
    async with running(place) as (world, http):
        await completed(world, recording)
        url = f"/v1/media/{recording.media_id}/transcript"
        async with AsyncClient(str(http.base_url)) as client:
            transcript = await client.transcript(recording.media_id)
            for form, media_type in MEDIA_TYPES.items():
                accepted = await http.get(url, headers={"Accept": media_type})
                assert accepted.headers["content-type"].partition(";")[0] == media_type
                if form != "json":
                    assert accepted.text == RENDERERS[form](transcript, USUAL)
                assert await client.export(recording.media_id, form) == accepted.text


async def test_subtitles_are_styled_and_each_style_has_its_own_tag(place: Place) -> None:
    recording = Recording()
    async with running(place) as (world, http):
        await completed(world, recording)
        url = f"/v1/media/{recording.media_id}/transcript"
        usual = await http.get(url, params={"format": "vtt"})
        wanted = {"max_line_length": 20, "max_lines": 1, "max_duration": 3, "karaoke": True, "speakers": False}
        styled = await http.get(url, params={"format": "vtt", **wanted})
        assert styled.headers["etag"] != usual.headers["etag"]
        assert (await http.get(url, params={"format": "json", **wanted})).headers["etag"] == (
            await http.get(url)
        ).headers["etag"]
        async with AsyncClient(str(http.base_url)) as client:
            assert await client.export(recording.media_id, "vtt", **wanted) == styled.text
            style = Style(line_columns=20, lines=1, max_s=3, karaoke=True, speakers=False)
            assert styled.text == RENDERERS["vtt"](await client.transcript(recording.media_id), style)
            with pytest.raises(Invalid, match="max_lines"):
                await client.export(recording.media_id, "srt", max_lines=99)
        is_problem(await http.get(url, params={"format": "docx"}), 400, "unknown-format")
        is_problem(await http.get(url, params={"max_cps": "fast"}), 422, "invalid-request")


async def test_the_command_line_exports(place: Place, tmp_path: Path) -> None:
    recording = Recording()
    async with running(place) as (world, http):
        await completed(world, recording)
        server = str(http.base_url)

        def export(*arguments: str) -> str:
            done = polyvox("export", recording.media_id, "--server", server, *arguments, cwd=tmp_path)
            assert done.status == 0, done.err
            return done.out

        def sync() -> str:
            with Client(server) as client:
                return client.export(recording.media_id, "srt", max_lines=1)

        printed = await asyncio.to_thread(export, "--format", "srt", "--max-lines", "1")
        assert printed == await asyncio.to_thread(sync)
        await asyncio.to_thread(export, "--format", "md", "--out", "pages")
        page = (tmp_path / "pages" / f"{recording.media_id}.md").read_text()
        assert page.startswith("# Transcript\n")
