"""Corrections with the Python clients and on the command line."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from polyvox.client import AsyncClient, Client
from polyvox.errors import Invalid
from tests.support.command import Result, polyvox
from tests.support.databases import Place
from tests.support.results import completed, running
from tests.support.stages import Recording


async def test_both_clients_correct_and_take_back(tmp_path: Path) -> None:
    recording = Recording(parts=1)
    async with running(Place(tmp_path, None, lambda: None)) as (world, http):
        await completed(world, recording)
        async with AsyncClient(str(http.base_url)) as client:
            seen, etag = await client.corrections.look(recording.media_id)
            made = await client.corrections.make(recording.media_id, etag, segments={0: "One."}, author="ada")
            with pytest.raises(Invalid, match="another by now") as error:
                await client.corrections.make(recording.media_id, etag, segments={0: "Two."})
            assert error.value.code == "overtaken"
            assert [one["author"] async for one in client.corrections.all(recording.media_id)] == ["ada"]

        def in_a_thread() -> None:
            with Client(str(http.base_url)) as client:
                corrected, etag = client.corrections.look(recording.media_id)
                assert (corrected.segments[0].text, corrected.segments[0].correction) == ("One.", made["correction_id"])
                client.corrections.make(recording.media_id, etag, speakers={"S1": "Ada"})
                back = client.corrections.take_back(recording.media_id, made["correction_id"])
                assert back["state"] == "taken-back"
                after, _ = client.corrections.look(recording.media_id)
                assert (after.segments, after.speakers[0].label) == (seen.segments, "Ada")
                states = [one["state"] for one in client.corrections.all(recording.media_id)]
                assert states == ["published", "taken-back"]

        await asyncio.to_thread(in_a_thread)


async def test_a_file_is_written_edited_and_sent(tmp_path: Path) -> None:
    recording = Recording(parts=1)
    place = tmp_path / "transcript.txt"
    async with running(Place(tmp_path, None, lambda: None)) as (world, http):
        await completed(world, recording)
        correct = ("correct", recording.media_id, "--server", str(http.base_url))

        async def run(*arguments: str | Path) -> Result:
            return await asyncio.to_thread(polyvox, *correct, *arguments, cwd=tmp_path)

        assert (await run("--write", place)).status == 0
        text = place.read_text()
        said = "0 | The first speaker asks a question."
        assert said in text
        place.write_text(text.replace(said, "0 | The first speaker, Ada, asks.").replace("= | Speaker 1", "= | Ada"))
        sent = await run("--read", place, "--author", "kim")
        assert "is there" in sent.out, sent.err
        shown = (await run("--history")).out
        assert " by kim" in shown
        assert "asks a question. -> The first speaker, Ada, asks." in shown
        assert "S1 is Ada" in shown
        text = (await http.get(f"/v1/media/{recording.media_id}/transcript", params={"format": "text"})).text
        assert "Ada: The first speaker, Ada, asks." in text
        assert "Nothing was changed" in (await run("--read", place)).err
        # The file is of the version before.
        place.write_text(place.read_text().replace("Ada, asks.", "Ada, says."))
        again = await run("--read", place)
        assert (again.status, "get it again" in again.err) == (1, True)
