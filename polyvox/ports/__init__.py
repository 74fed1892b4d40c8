"""The three things a service may ask of the world: a log, a store, a clock; and a queue where others speak through one.

Every adapter passes the same suite in tests/ports. Nothing outside polyvox/adapters
and the ``__main__`` modules knows which adapter it was given.
"""

from polyvox.ports.clock import Clock
from polyvox.ports.log import (
    Consumer,
    EventLog,
    Headers,
    Message,
    RebalanceListener,
    Record,
    TopicConfig,
    TopicPartition,
)
from polyvox.ports.queue import MessageQueue, QueuedMessage
from polyvox.ports.store import PART_MIN_BYTES, PARTS_MAX, Body, ObjectInfo, ObjectStore, OpenParts, PartInfo

__all__ = [
    "PARTS_MAX",
    "PART_MIN_BYTES",
    "Body",
    "Clock",
    "Consumer",
    "EventLog",
    "Headers",
    "Message",
    "MessageQueue",
    "ObjectInfo",
    "ObjectStore",
    "OpenParts",
    "PartInfo",
    "QueuedMessage",
    "RebalanceListener",
    "Record",
    "TopicConfig",
    "TopicPartition",
]
