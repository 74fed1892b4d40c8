"""What messages say of the work that made them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from polyvox import tracing
from polyvox.clock import SystemClock
from polyvox.contracts import Envelope, MediaDeleted, MediaFailed
from polyvox.errors import Transient
from polyvox.ports import Record
from polyvox.publish import Publisher
from tests.support.worker_bench import TOPIC, Bench, deleted, until


@pytest.fixture
def tracing_off() -> Iterator[None]:
    tracing.use(None, is_on=False)
    yield
    tracing.use(None)


def note_of(record: Record) -> tracing.Note:
    note = tracing.read(tracing.of_message(record.headers))
    assert note is not None
    return note


async def test_each_recording_of_a_batch_has_its_own_trace_which_links_to_the_batch(bench: Bench) -> None:
    publisher = Publisher(bench.log, SystemClock(), "/tests")
    with tracing.doing("upload", SystemClock(), member="watcher", of_many=True) as batch:
        await publisher.publish(deleted("recording-a"), deleted("recording-b"))
    records = await bench.records(TOPIC)
    notes = [note_of(record) for record in records]
    assert len({note.context.trace_id for note in notes} | {batch.context.trace_id}) == 3
    assert [tracing.of_headers(record.headers) for record in records] == [note.context for note in notes]
    assert [(note.name, note.member, note.links) for note in notes] == [("upload", "watcher", (batch.context,))] * 2


async def test_attempts_that_failed_are_told_by_the_one_that_did_not(bench: Bench) -> None:
    publisher = Publisher(bench.log, SystemClock(), "/tests")
    came: list[str] = []

    async def handler(envelope: Envelope[Any]) -> None:
        if envelope.data.media_id != "recording-a":
            return
        came.append(envelope.data.media_id)
        if len(came) < 3:
            raise Transient("not yet")
        await publisher.publish(deleted("recording-b"))

    await bench.publish(["recording-a"])
    bench.start(handler, member="one")
    await until(bench.no_lag)
    asked, made = sorted(await bench.records(TOPIC), key=lambda record: record.key)
    note = note_of(made)
    assert note.parent == tracing.of_headers(asked.headers)
    assert (note.member, note.queued_us) == ("one", asked.timestamp_ms * 1000)
    assert [one.code for one in note.tries] == ["internal-error"] * 2
    began = [one.began_us for one in note.tries]
    assert began == sorted(began)
    assert began[-1] < note.began_us


async def test_readers_downstream_get_the_trace_and_not_the_note(bench: Bench) -> None:
    ended = MediaFailed(
        media_id="recording-a", stage="normalise", code="no-audio", reason="No sound.", failed_at=SystemClock().now()
    )
    with tracing.doing("projection", SystemClock()) as work:
        await Publisher(bench.log, SystemClock(), "/tests").publish(ended)
    (record,) = await bench.records(MediaFailed.TOPIC)
    assert tracing.of_headers(record.headers) == work.context
    assert tracing.of_message(record.headers) is None


async def test_where_tracing_is_off_only_the_trace_travels(bench: Bench, tracing_off: None) -> None:
    with tracing.doing("upload", SystemClock()) as work, tracing.step("store"):
        await Publisher(bench.log, SystemClock(), "/tests").publish(deleted("recording-a"))
    (record,) = await bench.records(MediaDeleted.TOPIC)
    assert tracing.of_headers(record.headers) == work.context
    assert tracing.of_message(record.headers) is None
    assert work.steps == []
