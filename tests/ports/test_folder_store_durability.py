"""What only the folder store promises: objects are whole and leftovers go, whenever a process is killed."""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import AsyncExitStack
from pathlib import Path

from polyvox.adapters.filesystem import FolderStore
from polyvox.errors import NotFound
from tests.support.children import child

CHILD = "tests.support.durability_child"


def files(root: Path, *folders: str) -> list[Path]:
    return [path for folder in folders for path in (root / folder).rglob("*") if path.is_file()]


def age(*paths: Path) -> None:
    hour_ago_s = time.time() - 3600
    for path in paths:
        os.utime(path, (hour_ago_s, hour_ago_s))


async def test_an_object_is_whole_whenever_its_writer_is_killed(tmp_path: Path) -> None:
    root = tmp_path / "objects"
    for acks in (1, 4, 6, 11, 23, 38):
        async with child(CHILD, "replace", root, "media/x/k") as writer:
            for _ in range(acks):
                await writer.line("stored")
            await writer.kill()
        # What was cut off in the middle of being written is only known for that when it is old.
        age(*files(root, "incoming", "todo"))
        store = FolderStore(root)
        try:
            body, head = await store.get("media/x/k"), await store.head("media/x/k")
            assert body == head.metadata["version"].encode() * 20_000
            assert (head.size_bytes, head.etag) == (len(body), hashlib.md5(body).hexdigest())
            assert int(head.metadata["version"]) >= int(writer.said("stored")[-1][1])
            kept = 1
        except NotFound:
            # The process may have deleted it after what it last told.
            assert int(writer.said("stored")[-1][1]) % 5 >= 3
            kept = 0
        assert len(files(root, "blobs")) == kept
        assert files(root, "incoming", "todo", "pins") == []
        await store.close()


async def test_what_a_killed_put_left_is_removed_and_a_living_one_is_not(tmp_path: Path) -> None:
    root = tmp_path / "objects"
    async with child(CHILD, "hang", root, "dead") as dying, child(CHILD, "hang", root, "alive") as living:
        await dying.line("writing")
        await living.line("writing")
        await dying.kill()
        young = FolderStore(root)
        assert [info.key async for info in young.list("")] == []
        assert len(files(root, "incoming")) == 2
        await young.close()
        age(*files(root, "incoming"))
        store = FolderStore(root)
        await store.put("other", b"x")
        assert len(files(root, "incoming")) == 1
        await living.kill()
        await store.close()
        age(*files(root, "incoming"))
        last = FolderStore(root)
        assert [info.key async for info in last.list("")] == ["other"]
        assert files(root, "incoming") == []
        await last.close()


async def test_a_plan_cut_short_by_a_power_cut_is_finished_at_the_next_start(tmp_path: Path) -> None:
    root = tmp_path / "objects"
    store = FolderStore(root)
    await store.put("k", b"current")
    await store.close()
    (current,) = files(root, "blobs")
    orphan = root / "blobs" / "00" / "00orphan"
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_bytes(b"replaced")
    plan = root / "todo" / current.name
    plan.write_text(json.dumps({"key": "k", "blobs": [current.name, orphan.name]}))
    torn = root / "todo" / "torn"
    torn.write_text('{"key": "k", "bl')
    age(torn)
    store = FolderStore(root)
    assert await store.get("k") == b"current"
    assert files(root, "blobs", "todo") == [current]
    await store.close()


async def test_one_process_of_many_wins_a_conditional_put(tmp_path: Path) -> None:
    root = tmp_path / "objects"
    store = FolderStore(root)
    await store.put("k-gate", b"")
    async with AsyncExitStack() as stack:
        claimants = [
            await stack.enter_async_context(child(CHILD, "claim", root, "k", f"c{number}")) for number in range(6)
        ]
        answers = [(await claimant.rest())[0] for claimant in claimants]
    (winner,) = [words for words in answers if words[0] == "won"]
    assert await store.get("k") == winner[1].encode()
    await store.close()


async def test_an_upload_in_parts_outlives_the_process_that_took_it(tmp_path: Path) -> None:
    root = tmp_path / "objects"
    async with child(CHILD, "part", root, "media/x/k") as writer:
        (_, upload, etag) = await writer.line("kept")
        await writer.line("writing")
        await writer.kill()
    age(*files(root, "incoming"))
    store = FolderStore(root)
    assert [(left.key, left.upload) async for left in store.open_parts("media/")] == [("media/x/k", upload)]
    (part,) = await store.parts("media/x/k", upload)
    assert (part.number, part.etag) == (1, etag)
    assert files(root, "incoming") == []
    await store.join_parts("media/x/k", upload, [part])
    assert await store.get("media/x/k") == b"kept"
    assert files(root, "incoming", "todo", "parts") == []
    await store.close()


async def test_a_join_that_was_cut_short_is_either_done_or_still_to_do(tmp_path: Path) -> None:
    root = tmp_path / "objects"
    store = FolderStore(root)
    upload = await store.begin_parts("k")
    part = await store.put_part("k", upload, 1, b"x")
    folder = root / "parts" / upload
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    await store.join_parts("k", upload, [part])
    await store.close()
    (blob,) = files(root, "blobs")
    # As after a power cut between the object's name and the end of its upload.
    folder.mkdir()
    for name, data in before.items():
        (folder / name).write_bytes(data)
    (folder / "joined").write_text(blob.name)
    unborn = root / "parts" / ("0" * 32)
    unborn.mkdir()
    age(unborn)
    store = FolderStore(root)
    assert [left async for left in store.open_parts("")] == []
    assert await store.get("k") == b"x"
    assert list((root / "parts").iterdir()) == []
    upload = await store.begin_parts("k2")
    part = await store.put_part("k2", upload, 1, b"y")
    (root / "parts" / upload / "joined").write_text("a blob that was never named")
    await store.close()
    store = FolderStore(root)
    assert (await store.join_parts("k2", upload, [part])).size_bytes == 1
    await store.close()
