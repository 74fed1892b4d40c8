"""Objects that appear under a watched prefix become recordings, once each, whoever tells of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ingest.bucket.names import media_id_of
from ingest.bucket.sweep import LEDGER_KEPT
from polyvox import keys
from tests.support.polling import until
from tests.support.watching import BUCKET, WATCH, World, notification, world

SWEEP_OFTEN: dict[str, Any] = {"sweep_every_s": 0.05, "sweep_at_most_s": 0.05}


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as made:
        yield made


async def test_an_object_becomes_a_recording_by_reference(here: World) -> None:
    async with here.watching():
        info = await here.drop_and_tell("in/Gespräch 1 +.wav", **{"polyvox-language": "de"})
        (fact,) = await until(here.announced)
        await until(here.is_read)
    assert fact.media_id == media_id_of(BUCKET, "in/Gespräch 1 +.wav", info.etag)
    original = fact.original
    assert (original.bucket, original.key, original.version) == (BUCKET, "in/Gespräch 1 +.wav", info.etag)
    assert (original.size_bytes, fact.filename) == (5, "Gespräch 1 +.wav")
    assert (fact.tenant, fact.lane, fact.options.language, fact.refused) == ("acme", "bulk", "de", None)
    assert await here.stored("media/") == [keys.upload_manifest(fact.media_id)], "the bytes stay where they are"
    assert await here.stored(keys.BUCKET_BATCHES) == []


async def test_an_object_that_nobody_told_of_is_found(here: World) -> None:
    info = await here.drop("in/a/b.wav", **{"polyvox-language": "de", "other": "x"})
    await here.drop("elsewhere/c.wav")
    async with here.watching(**SWEEP_OFTEN):
        (fact,) = await until(here.announced)
    assert (fact.original.key, fact.original.version) == ("in/a/b.wav", info.etag)
    assert (fact.options.language, fact.original.content_type) == ("de", "audio/wav")


async def test_the_same_object_never_runs_twice(here: World) -> None:
    """Told of twice, swept, told of to two watchers at once, and after a restart."""
    for number in range(20):
        info = await here.drop_and_tell(f"in/{number}.wav", b"%d" % number)
        await here.tell(notification(f"in/{number}.wav", info))
    async with here.watching(member="one", **SWEEP_OFTEN), here.watching(member="two", **SWEEP_OFTEN):
        await until(here.is_read)
        await until(lambda: _counts(here, 20))
    async with here.watching(**SWEEP_OFTEN):
        await here.tell(notification("in/3.wav", await here.bucket.head("in/3.wav")))
        await here.drop("in/last.wav")
        await until(lambda: _counts(here, 21))
        await until(here.is_read)
    assert len(set(await here.names())) == 21


async def test_other_bytes_under_the_same_key_are_another_recording(here: World) -> None:
    async with here.watching():
        await here.drop_and_tell("in/a.wav", b"one")
        await until(lambda: _counts(here, 1))
        await here.drop_and_tell("in/a.wav", b"two")
        facts = await until(lambda: _counts(here, 2))
    assert len({fact.media_id for fact in facts}) == 2


async def test_a_deleted_recording_does_not_come_back(here: World) -> None:
    info = await here.drop("in/a.wav")
    async with here.watching(**SWEEP_OFTEN):
        (fact,) = await until(here.announced)
        await here.delete_recording(fact.media_id)
        await here.tell(notification("in/a.wav", info))
        await until(here.is_read)
        await here.drop("in/b.wav")
        await until(lambda: _counts(here, 2))
    assert await here.names() == ["in/a.wav", "in/b.wav"]
    assert await here.stored(keys.media_prefix(fact.media_id)) == []
    assert (await here.bucket.head("in/a.wav")).etag == info.etag, "the object is its owner's"


async def test_what_is_no_recording_is_left_alone(here: World) -> None:
    async with here.watching(**SWEEP_OFTEN):
        for key in ("in/folder/", "in/.hidden", "in/a.wav.part", "in/a.wav.json"):
            await here.drop_and_tell(key, b"" if key.endswith("/") else b"{}")
        await here.drop_and_tell("in/report.pdf")
        await until(here.is_read)
        await until(lambda: _counts(here, 1))
    assert await here.names() == ["in/report.pdf"], "what is no media fails with a reason where it is decoded"


async def test_an_object_that_is_gone_or_replaced_by_now_is_no_recording(here: World) -> None:
    gone, replaced = await here.drop("in/gone.wav"), await here.drop("in/replaced.wav", b"old")
    await here.bucket.delete("in/gone.wav")
    now = await here.drop("in/replaced.wav", b"new")
    async with here.watching():
        await here.tell(notification("in/gone.wav", gone))
        await here.tell(notification("in/replaced.wav", replaced))
        await here.tell(notification("in/replaced.wav", now))
        await until(here.is_read)
        (fact,) = await here.announced()
    assert fact.original.version == now.etag


async def test_a_message_that_makes_no_sense_holds_nothing_up(here: World) -> None:
    async with here.watching():
        for body in (b"", b"\xff", b'{"Records": 3}', b'{"Service": "Amazon S3", "Event": "s3:TestEvent"}'):
            await here.tell(body)
        await here.drop_and_tell("in/a.wav")
        await until(here.announced)
        await until(here.is_read)


async def test_a_sidecar_says_what_is_wished_for(here: World) -> None:
    await here.drop("in/a.wav.json", b'{"language": "de", "metadata": {"case": "17"}}')
    watch = {**WATCH, "options": {"language": "fr", "diarize": False}}
    async with here.watching(watches=[watch]):
        await here.drop_and_tell("in/a.wav", **{"polyvox-language": "it"})
        (fact,) = await until(here.announced)
    assert (fact.options.language, fact.options.diarize, fact.options.metadata) == ("de", False, {"case": "17"})


async def test_an_object_waits_for_its_sidecar_and_no_longer(here: World) -> None:
    watch = {**WATCH, "sidecar_wait_s": 60.0}
    async with here.watching(watches=[watch]):
        await here.drop_and_tell("in/a.wav")
        await here.drop_and_tell("in/a.wav.json", b'{"language": "de"}')
        (fact,) = await until(here.announced)
        assert fact.options.language == "de"
    async with here.watching(watches=[{**WATCH, "sidecar_wait_s": 0.3}]):
        await here.drop_and_tell("in/b.wav")
        facts = await until(lambda: _counts(here, 2))
    assert {fact.original.key: fact.options.language for fact in facts} == {"in/a.wav": "de", "in/b.wav": None}


@pytest.mark.parametrize(
    ("sidecar", "code", "says"),
    [(b"{", "bad-sidecar", "not valid JSON"), (b'{"langauge": "de"}', "bad-option", "no option 'langauge'")],
)
async def test_an_object_with_options_that_cannot_be_followed_is_a_recording_that_says_so(
    here: World, sidecar: bytes, code: str, says: str
) -> None:
    await here.drop("in/a.wav.json", sidecar)
    await here.drop("in/a.wav")
    async with here.watching(**SWEEP_OFTEN):
        (fact,) = await until(here.announced)
    assert fact.refused is not None
    assert fact.refused.code == code
    assert says in fact.refused.reason
    assert "s3://calls/in/a.wav" in fact.refused.reason


async def test_held_back_objects_stay_in_the_bucket_until_there_is_room_oldest_first(here: World) -> None:
    await here.tell_backlog(10)
    async with here.watching(tenant_backlog_max_recordings=10, bucket_concurrency=1, **SWEEP_OFTEN) as runtime:
        for name in "dbac":
            await here.drop_and_tell(f"in/{name}.wav", name.encode())
        await until(here.is_read)
        assert await here.announced() == []
        await here.tell_backlog(8)
        await until(lambda: _counts(here, 2))
        assert await here.names() == ["in/b.wav", "in/d.wav"], "the two that came first"
        await here.tell_backlog(0)
        await until(lambda: _counts(here, 4))
        assert not runtime.stopping.is_set()


async def test_what_was_held_back_by_a_watcher_that_is_gone_is_found_by_the_next(here: World) -> None:
    await here.tell_backlog(10)
    async with here.watching(tenant_backlog_max_recordings=10):
        await here.drop_and_tell("in/a.wav")
        await until(here.is_read)
    async with here.watching(tenant_backlog_max_recordings=100, **SWEEP_OFTEN):
        await until(here.announced)


async def _counts(here: World, count: int) -> Any:
    facts = await here.announced()
    assert len(facts) <= count, sorted(fact.original.key for fact in facts)
    return facts if len(facts) == count else None


async def test_the_ledger_forgets_objects_that_are_long_gone_and_no_others(here: World) -> None:
    async with here.watching():
        for name in ("gone", "replaced", "there", "deleted"):
            await here.drop_and_tell(f"in/{name}.wav", name.encode())
        facts = await until(lambda: _counts(here, 4))
        await until(here.is_read)
    (deleted,) = (fact.media_id for fact in facts if fact.filename == "deleted.wav")
    await here.delete_recording(deleted)
    for name in ("gone", "deleted"):
        await here.bucket.delete(f"in/{name}.wav")
    await here.drop("in/replaced.wav", b"new")
    async with here.watching(**SWEEP_OFTEN):
        await until(lambda: _counts(here, 5))
        assert len(await here.stored(keys.BUCKET_LEDGER)) == 5, "a late notification could tell of them yet"
        here.clock.ahead_s = LEDGER_KEPT.total_seconds() + 60
        left = await until(lambda: _are(here, 3))
    assert sorted(key.split("!")[0] for key in left) == [
        f"bucket/taken/calls/in/{name}.wav" for name in ("deleted", "replaced", "there")
    ]


async def _are(here: World, entries: int) -> list[str] | None:
    found = await here.stored(keys.BUCKET_LEDGER)
    return found if len(found) == entries else None


async def test_a_folder_that_can_name_no_tenant_fails_its_recordings_and_says_so(here: World) -> None:
    watches = [{**WATCH, "tenant_folders": True}]
    for key in ("in/Müller/a.wav", "in/other/b.wav", "in/c.wav"):
        await here.drop(key)
    async with here.watching(watches=watches, **SWEEP_OFTEN):
        await until(lambda: _counts(here, 3))
        facts = {fact.original.key: fact for fact in await here.announced()}
    assert {key: fact.tenant for key, fact in facts.items()} == {
        "in/Müller/a.wav": "acme",
        "in/other/b.wav": "other",
        "in/c.wav": "acme",
    }
    refused = facts["in/Müller/a.wav"].refused
    assert refused is not None
    assert refused.code == "bad-tenant"
    assert "names no tenant" in refused.reason
    assert facts["in/other/b.wav"].refused is None
