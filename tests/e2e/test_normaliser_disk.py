"""A full disk is no recording's fault: it waits until there is room."""

from __future__ import annotations

from pathlib import Path

import pytest

from polyvox.contracts import MediaReady
from tests.e2e.test_normaliser import normalising
from tests.support.disk import Disk, can_mount
from tests.support.media import noise, wav
from tests.support.polling import until

ATTEMPTS = 2


async def test_a_full_scratch_disk_fails_no_recording(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    if not can_mount(tmp_path / "probe"):
        pytest.skip("to mount a disk that can be full needs the rights of root")
    with Disk(tmp_path / "data" / "scratch") as disk:
        async with normalising(tmp_path, attempts=ATTEMPTS) as bench:
            await until(lambda: list(disk.folder.iterdir()), what="the normaliser has begun")
            disk.fill()
            await bench.upload("recording-1", wav(noise(3.0)))
            await until(lambda: caplog.text.count("is full") > 2 * ATTEMPTS, deadline_s=60)
            disk.empty()
            [outcome] = await bench.outcome("recording-1")
    assert isinstance(outcome.data, MediaReady)
