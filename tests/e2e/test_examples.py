"""The programs in examples/ do what their READMEs say, against a running product whose engines return at once."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from polyvox.client import AsyncClient
from tests.support.instant_product import instant_product
from tests.support.ports import free_port
from tests.support.stack import speech

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SAID = "So we look at what"
"""How what the instant engine hears in every part begins, before somebody else goes on."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    # Parts of 6 s, so that a short recording grows as a long one does.
    data = tmp_path_factory.mktemp("product")
    async with instant_product(data, part_max_s=6.5, webhooks_private=True) as url:
        yield url


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audio") / "calls"
    folder.mkdir()
    speech(folder / "one.flac", 6.0)
    speech(folder / "two.flac", 12.0)
    return folder


async def ran(program: str, *arguments: str | Path, url: str) -> subprocess.CompletedProcess[str]:
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, EXAMPLES / program, *arguments],
        env={**os.environ, "POLYVOX_SERVER": url},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


async def test_a_folder_is_transcribed_once_and_then_found_and_exported(url: str, calls: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for _ in range(2):
        done = await ran("client/transcribe_folder.py", calls, out, url=url)
        assert sorted(done.stdout.split()) == [str(out / "one.srt"), str(out / "two.srt")]
    assert SAID in (out / "one.srt").read_text()
    async with AsyncClient(url) as client:
        recordings = [one async for one in client.list(**{"metadata.folder": "calls"})]
    assert len(recordings) == 2
    found = await ran("client/find.py", "look", "at", url=url)
    assert f"one.flac at 0.0 s, Speaker 1: {SAID}" in found.stdout
    exported = await ran("client/export_all.py", tmp_path / "all", url=url)
    assert {Path(line).suffix for line in exported.stdout.split()} == {".md", ".csv"}
    assert {Path(line).stem for line in exported.stdout.split()} >= {one.media_id for one in recordings}


async def test_a_transcript_is_followed_as_it_grows(url: str, tmp_path: Path) -> None:
    done = await ran("client/follow.py", speech(tmp_path / "longer.flac", 18.0), url=url)
    assert done.stdout.count("the other.") == 3
    counts = [int(line.split()[1]) for line in done.stderr.splitlines()]
    assert counts == sorted(counts)
    assert done.stderr.splitlines()[-1].startswith("completed: 36 words")


async def test_the_receiver_prints_what_a_webhook_tells_and_nothing_that_is_not_signed(
    url: str, tmp_path: Path
) -> None:
    port = free_port()
    async with AsyncClient(url) as client:
        webhook = await client.webhooks.add(f"http://127.0.0.1:{port}/", types=["media.completed"])
        receiver = await asyncio.create_subprocess_exec(
            sys.executable,
            EXAMPLES / "webhook" / "receiver.py",
            "--port",
            str(port),
            env={**os.environ, "POLYVOX_SERVER": url, "POLYVOX_WEBHOOK_SECRET": webhook["secret"]},
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            assert receiver.stdout is not None
            async with asyncio.timeout(60):
                assert b"waiting" in await receiver.stdout.readline()
                media_id = await client.upload(speech(tmp_path / "call.flac", 6.0))
                assert (await receiver.stdout.readline()).decode() == f"media.completed {media_id}\n"
                assert SAID in (await receiver.stdout.readline()).decode()
            (delivery,) = [one async for one in client.webhooks.deliveries(webhook["webhook_id"])]
            assert (delivery["state"], delivery["media_id"]) == ("delivered", media_id)
        finally:
            receiver.send_signal(signal.SIGTERM)
            await receiver.wait()
            await client.webhooks.remove(webhook["webhook_id"])
