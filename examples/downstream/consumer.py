"""Prints who said what as transcripts are finished: a downstream consumer of Polyvox on Kafka.

    python examples/downstream/consumer.py --bootstrap 127.0.0.1:9092 --group my-archive

What was printed is committed, so the next start goes on where this one ended. Needs aiokafka only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections import OrderedDict
from typing import Any

from aiokafka import AIOKafkaConsumer

TOPICS = ("transcript-segments", "media-completed", "media-failed", "media-deleted")
REMEMBERED = 100_000


class Seen:
    """Ids of the latest events: Kafka may deliver one again, with the id it had before."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()

    def is_new(self, id_: str) -> bool:
        if id_ in self._ids:
            return False
        self._ids[id_] = None
        if len(self._ids) > REMEMBERED:
            self._ids.popitem(last=False)
        return True


def line(event: dict[str, Any]) -> str | None:
    """What to print of an event; None for one of a kind that came later than this program."""
    data = event["data"]
    kind = event["type"].removeprefix("polyvox.").rpartition(".")[0]
    if kind == "transcript-segment":
        segment = data["segment"]
        who = data.get("speaker_label") or "?"
        # A later version replaces the one before as a whole.
        return f"{data['media_id']} v{data['version']} {_clock(segment['start'])} {who}: {segment['text'].strip()}"
    if kind == "media-completed":
        return (
            f"{data['media_id']} v{data['version']} completed: {data['segment_count']} segments, "
            f"{data['word_count']} words, {data['speaker_count']} speakers, {_clock(data['duration_s'])}"
        )
    if kind == "media-failed":
        return f"{data['media_id']} failed: {data['reason']}"
    if kind == "media-deleted":
        return f"{data['media_id']} deleted"
    return None


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


async def follow(bootstrap: str, group: str, prefix: str) -> None:
    consumer = AIOKafkaConsumer(
        *(prefix + topic for topic in TOPICS),
        bootstrap_servers=bootstrap,
        group_id=group,
        # Commit what was printed, not what was fetched.
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    seen = Seen()
    await consumer.start()
    try:
        while not stopping.is_set():
            batches = await consumer.getmany(timeout_ms=500)
            for record in (record for batch in batches.values() for record in batch):
                event = json.loads(record.value)
                text = line(event)
                if text is not None and seen.is_new(event["id"]):
                    print(text)
            if batches:
                sys.stdout.flush()
                await consumer.commit()
    finally:
        await consumer.stop()


def main() -> None:
    options = argparse.ArgumentParser(description="Print who said what as transcripts are finished.")
    options.add_argument("--bootstrap", default="127.0.0.1:9092", help="Kafka brokers, host:port,…")
    options.add_argument("--group", default="downstream-example", help="consumers of one group share the work")
    options.add_argument("--prefix", default="", help="POLYVOX_KAFKA_PREFIX of the server, if it has one")
    given = options.parse_args()
    asyncio.run(follow(given.bootstrap, given.group, given.prefix))


if __name__ == "__main__":
    main()
