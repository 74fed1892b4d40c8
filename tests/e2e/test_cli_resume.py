"""`polyvox transcribe` of a large file, interrupted with Ctrl-C and called again."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

from polyvox import keys
from tests.support.api import whole_api
from tests.support.command import Running
from tests.support.polling import until
from tests.support.uploads import wav_of

MIB = 1 << 20
SIZE_BYTES = 65 * MIB
PART_BYTES = 8 * MIB


async def test_a_large_file_goes_on_where_ctrl_c_ended_it(tmp_path: Path) -> None:
    recording = tmp_path / "long.wav"
    recording.write_bytes(wav_of(SIZE_BYTES))
    memory = tmp_path / "state" / "polyvox" / "uploads"
    async with whole_api(tmp_path / "data", max_upload_bytes=2 * SIZE_BYTES) as api:
        real, numbers = api.store.inner.put_part, list[int]()

        async def put_part(key: str, upload: str, number: int, body: Any) -> Any:
            if len(numbers) >= 3 and not resumed.is_set():
                await asyncio.Event().wait()
            numbers.append(number)
            return await real(key, upload, number, body)

        resumed = asyncio.Event()
        api.store.__dict__["put_part"] = put_part
        arguments = ("transcribe", recording, "--server", api.url, "--no-diarize")
        command = Running(*arguments, cwd=tmp_path, XDG_STATE_HOME=str(tmp_path / "state"))
        [found] = await until(lambda: _open(api))
        await until(lambda: _stored(api, found))
        command.send(signal.SIGINT)
        result = await asyncio.to_thread(command.result, within_s=60)
        assert (result.status, result.err.splitlines()[-1]) == (130, "polyvox: interrupted")
        [remembered] = memory.iterdir()
        assert keys.original(json.loads(remembered.read_text())["upload_id"]) == found.key

        resumed.set()
        before = {part.number for part in await api.store.parts(found.key, found.upload)}
        numbers.clear()
        command = Running(*arguments, cwd=tmp_path, XDG_STATE_HOME=str(tmp_path / "state"))
        [fact] = await until(api.uploads, deadline_s=60)
        assert sorted(numbers) == [number for number in range(1, 10) if number not in before]
        assert (keys.original(fact.media_id), fact.original.size_bytes) == (found.key, SIZE_BYTES)
        await api.complete(fact.media_id)
        result = await asyncio.to_thread(command.result, within_s=60)
        assert (result.status, bool(result.out)) == (0, True), result.err
        assert list(memory.iterdir()) == []


async def _open(api: Any) -> list[Any]:
    return [found async for found in api.store.open_parts("")]


async def _stored(api: Any, found: Any) -> bool:
    return len(await api.store.parts(found.key, found.upload)) == 3
