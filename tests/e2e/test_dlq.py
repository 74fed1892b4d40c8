"""`polyvox dlq` as an operator uses it, on the data of a server that gave up on some messages."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from polyvox import topics
from polyvox.adapters.embedded_log import EmbeddedLog
from polyvox.clock import SystemClock
from polyvox.contracts import MediaUploaded
from polyvox.contracts.media_uploaded import StoredObject
from polyvox.dead_letters import build
from polyvox.errors import Invalid, Transient
from polyvox.publish import Publisher
from polyvox.settings import Settings
from tests.support.command import Result, polyvox
from tests.support.reading import records_of

LONG_AGO = datetime.now(UTC) - timedelta(days=10)


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    """Three letters of the normaliser: two of acme, one of them ten days old, and one of bulk work of default."""
    log = EmbeddedLog(Settings(data_dir=tmp_path / "data").log_path)
    await log.ensure_topics(topics.configs())
    publisher = Publisher(log, SystemClock(), "/tests")
    uploads = [upload("recording-a"), upload("recording-b"), upload("recording-c", tenant="default", lane="bulk")]
    await publisher.publish(*uploads)
    records = {
        record.key: record for topic in topics.laned("media-uploaded") for record in await records_of(log, topic)
    }
    await log.append(
        [
            build(
                "normaliser", records["recording-a"], Invalid("No sound.", code="no-audio"), attempts=1, time=LONG_AGO
            ),
            build("normaliser", records["recording-b"], Transient("disk"), attempts=5, time=datetime.now(UTC)),
            build("normaliser", records["recording-c"], Transient("disk"), attempts=5, time=datetime.now(UTC)),
        ]
    )
    await log.close()
    return tmp_path


def upload(media_id: str, **owner: str) -> MediaUploaded:
    return MediaUploaded(
        media_id=media_id,
        **{"tenant": "acme", **owner},  # type: ignore[arg-type]
        original=StoredObject(key=f"media/{media_id}/original", size_bytes=10),
        uploaded_at=LONG_AGO,
    )


def dlq(cwd: Path, *args: str) -> Result:
    return polyvox("dlq", *args, "--data", "data", cwd=cwd)


def listed(cwd: Path, *args: str) -> list[str]:
    lines = dlq(cwd, "list", "--json", *args).out.splitlines()
    return [json.loads(line)["recording"] for line in lines]


def test_letters_are_listed_with_their_cause_and_counted(data: Path) -> None:
    out = dlq(data, "list").out
    assert "normaliser/0/0" in out
    assert "no-audio" in out
    assert "3 in all: normaliser 3" in out
    assert "no dead letters" in dlq(data, "list", "--stage", "diarizer").out


@pytest.mark.parametrize(
    ("which", "recordings"),
    [
        (["--tenant", "acme"], ["recording-a", "recording-b"]),
        (["--since", "1d"], ["recording-b", "recording-c"]),
        (["--until", "1d"], ["recording-a"]),
        (["--code", "no-audio"], ["recording-a"]),
        (["--media", "recording-c"], ["recording-c"]),
        (["--tenant", "acme", "--since", "1d"], ["recording-b"]),
    ],
)
def test_letters_are_narrowed_down(data: Path, which: list[str], recordings: list[str]) -> None:
    assert listed(data, *which) == recordings


def test_one_letter_is_shown_whole(data: Path) -> None:
    out = dlq(data, "show", "normaliser/0/0").out
    assert "No sound." in out
    assert "media-uploaded, partition" in out
    assert '"key": "media/recording-a/original"' in out
    assert "header     polyvox-tenant: acme" in out


def test_what_is_not_there_is_said(data: Path) -> None:
    assert "there is no dead letter normaliser/0/99" in dlq(data, "show", "normaliser/0/99").err
    assert "look like transcriber/0/17" in dlq(data, "show", "something").err
    assert dlq(data, "replay", "normaliser/0/0", "--stage", "normaliser").status == 2


async def test_letters_go_back_to_the_lane_they_came_from_each_once(data: Path) -> None:
    assert "3 dead letters would be replayed" in dlq(data, "replay", "--dry-run").out
    assert "1 dead letters replayed" in dlq(data, "replay", "normaliser/0/0").out
    assert "replayed already" in dlq(data, "replay", "normaliser/0/0").err
    assert "2 dead letters replayed" in dlq(data, "replay").out
    assert "0 dead letters replayed" in dlq(data, "replay").out
    assert listed(data) == []
    assert listed(data, "--all") == ["recording-a", "recording-b", "recording-c"]
    log = EmbeddedLog(Settings(data_dir=data / "data").log_path)
    try:
        interactive = [record.key for record in await records_of(log, "media-uploaded")]
        bulk = [record.key for record in await records_of(log, "media-uploaded-bulk")]
    finally:
        await log.close()
    assert sorted(interactive) == ["recording-a"] * 2 + ["recording-b"] * 2
    assert bulk == ["recording-c"] * 2
