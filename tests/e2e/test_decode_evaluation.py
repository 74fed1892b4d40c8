"""The decoding process on the evaluation recordings: every good one whole, every bad one with a reason."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from ingest.decode.file import Decoded
from ingest.decode.process import decode_in_child, nursery
from polyvox.audio import decode_flac
from polyvox.errors import ChildCrashed, Invalid
from polyvox.settings import Settings
from tests.support.media import decoded, level

TOLERANCE_S = 0.1
AT_ONCE = 2


def chosen(manifest: list[dict[str, Any]], *sets: str) -> list[dict[str, Any]]:
    return [entry for entry in manifest if entry["set"] in sets]


def test_every_container_decodes_to_its_length(
    eval_dir: Path, eval_manifest: list[dict[str, Any]], tmp_path: Path
) -> None:
    wrong = {}
    for entry in chosen(eval_manifest, "containers"):
        try:
            _, account = decoded(eval_dir / entry["path"], tmp_path)
        except Invalid as refused:
            if refused.code != "no-audio" or entry["duration_s"]:
                wrong[entry["path"]] = refused.reason
            continue
        if abs(account.samples / 16_000 - entry["duration_s"]) > TOLERANCE_S or account.warnings or account.lost_s:
            wrong[entry["path"]] = f"{account.samples / 16_000} s, {account.lost_s} s lost, {account.warnings}"
    assert wrong == {}


def test_one_voice_on_a_channel_or_inverted_is_as_loud_as_in_the_original(
    eval_dir: Path, eval_manifest: list[dict[str, Any]], tmp_path: Path
) -> None:
    levels = {
        name: level(decoded(eval_dir / "containers" / f"cont-{name}-o.wav", tmp_path)[0])
        for name in ("wav-8k-mulaw", "wav-right-only", "wav-antiphase")
    }
    assert max(levels.values()) < 1.3 * min(levels.values()), levels


async def test_every_malformed_file_gives_a_reason_or_what_can_be_decoded(
    eval_dir: Path, eval_manifest: list[dict[str, Any]], tmp_path: Path
) -> None:
    gate = asyncio.Semaphore(AT_ONCE)
    decoders = nursery()

    async def outcome(number: int, entry: dict[str, Any]) -> tuple[str, Decoded | Invalid]:
        target = tmp_path / f"{number}.flac"
        async with gate:
            try:
                account = await decode_in_child(
                    eval_dir / entry["path"], target, Settings(decode_timeout_s=20.0, data_dir=tmp_path), decoders
                )
            except Invalid as refused:
                return entry["expect"], refused
        assert decode_flac(target.read_bytes()).size == account.samples
        return entry["expect"], account

    entries = chosen(eval_manifest, "malformed")
    try:
        outcomes = await asyncio.gather(*[outcome(number, entry) for number, entry in enumerate(entries)])
    finally:
        await decoders.close()
    for entry, (expect, found) in zip(entries, outcomes, strict=True):
        if isinstance(found, Invalid):
            assert found.reason.endswith("."), entry["path"]
            assert "decodes" not in expect, entry["path"]
            assert found.code != "decode-too-slow", entry["path"]
        else:
            assert not expect.startswith("clean error"), entry["path"]
            assert 0 < found.samples < 16_000 * 30, entry["path"]
    by_path = {entry["path"]: found for entry, (_, found) in zip(entries, outcomes, strict=True)}
    cut = by_path["malformed/mal-trunc50-m4a-o.m4a"]
    assert isinstance(cut, Decoded)
    assert 9.0 < cut.lost_s < 10.5


async def test_a_recording_is_not_blamed_for_memory_that_ran_out(eval_dir: Path, tmp_path: Path) -> None:
    """libavformat goes on without it, and then tells of a track without channels."""
    decoders = nursery()
    short = Settings(decode_memory_bytes=64 << 20, data_dir=tmp_path)
    try:
        for name in ("cont-m4a-faststart-o.m4a", "cont-ogg-vorbis-o.ogg"):
            with pytest.raises(ChildCrashed):
                await decode_in_child(eval_dir / "containers" / name, tmp_path / "out.flac", short, decoders)
    finally:
        await decoders.close()
