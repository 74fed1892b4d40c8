"""`POST /v1/detect-language` on a running product: real speech, silence, and what is left afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from polyvox.client import AsyncClient
from polyvox.errors import Invalid
from tests.support.polling import until
from tests.support.product import Product
from tests.support.uploads import wav

pytestmark = [pytest.mark.models, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(whole_product: Product) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(whole_product.url) as client:
        yield client


@pytest.mark.parametrize("language", ["de", "fr", "es", "ru", "ja"])
async def test_the_language_of_real_speech_is_found(
    client: AsyncClient, language: str, eval_dir: Path, eval_manifest: list[dict[str, Any]]
) -> None:
    spoken = [item for item in eval_manifest if item["set"] == "multilingual" and item["language"] == language]
    longest = max(spoken, key=lambda item: min(item["duration_s"], 30.0))
    found = await client.detect_language(eval_dir / longest["path"])
    assert found["language"] == language
    assert found["probability"] > 0.5
    assert len(found["languages"]) == 5
    assert found["duration"] == pytest.approx(longest["duration_s"], abs=0.3)


async def test_nobody_speaking_is_no_language(client: AsyncClient, tmp_path: Path) -> None:
    silence = tmp_path / "silence.wav"
    silence.write_bytes(wav(seconds=3))
    found = await client.detect_language(silence)
    assert found["language"] is None
    assert found["languages"] == []


async def test_what_is_no_media_is_refused(client: AsyncClient, tmp_path: Path) -> None:
    text = tmp_path / "notes.wav"
    text.write_text("not a recording\n" * 100)
    with pytest.raises(Invalid):
        await client.detect_language(text)


async def test_nothing_is_kept(client: AsyncClient, tmp_path: Path) -> None:
    async def listed() -> set[str]:
        return {recording.media_id async for recording in client.list()}

    async def no_more_than_before() -> bool:
        return await listed() <= before

    before = await listed()
    sound = tmp_path / "sound.wav"
    sound.write_bytes(wav(seconds=3))
    await client.detect_language(sound)
    await until(no_more_than_before)
