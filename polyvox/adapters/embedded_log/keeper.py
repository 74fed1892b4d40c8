"""The one thread of a log that watches for changes and sends the members' heartbeats.

SQLite tells no other process that it changed; ``PRAGMA data_version`` costs a few microseconds and
says so, and is asked every 10 to 20 ms. What this process writes wakes the thread at once.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from polyvox.adapters.embedded_log import groups, records
from polyvox.adapters.embedded_log.groups import Session, Status
from polyvox.adapters.embedded_log.schema import connect, translated, write
from polyvox.errors import Fatal, PolyvoxError, Transient
from polyvox.ports import Clock, TopicPartition

POLL_BUSY_S = 0.01
POLL_IDLE_S = 0.02
IDLE_AFTER_S = 1.0
HEARTBEAT_MAX_S = 3.0
HEARTBEATS_PER_SESSION = 6
RETRY_S = 0.5

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Watch:
    """One member as the thread sees it. The callbacks run on ``loop``."""

    session: Session
    session_timeout_s: float
    loop: asyncio.AbstractEventLoop
    on_change: Callable[[Mapping[TopicPartition, int], Status], None]
    on_fatal: Callable[[Fatal], None]
    loop_seen_s: float = field(default_factory=time.monotonic)

    def touch(self) -> None:
        self.loop_seen_s = time.monotonic()

    @property
    def loop_alive(self) -> bool:
        """A loop that has stood still for a whole session has lost its partitions, as in Kafka."""
        return not self.loop.is_closed() and time.monotonic() - self.loop_seen_s < self.session_timeout_s


class Keeper:
    """Starts its thread with the first watch; ``close`` ends it."""

    def __init__(self, folder: Path, clock: Clock, busy_timeout_s: float) -> None:
        self._folder = folder
        self._busy_timeout_s = busy_timeout_s
        self._clock = clock
        self._watches: tuple[Watch, ...] = ()
        self._lock = threading.Lock()
        self._nudged = threading.Event()
        self._refresh = False
        self._closing = False
        self._thread: threading.Thread | None = None

    def add(self, watch: Watch) -> None:
        with self._lock:
            self._watches += (watch,)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="polyvox-log-keeper", daemon=True)
                self._thread.start()
        self._refresh = True
        self.nudge()

    def remove(self, watch: Watch) -> None:
        with self._lock:
            self._watches = tuple(other for other in self._watches if other is not watch)

    def nudge(self) -> None:
        """Look at once: this process has just written."""
        self._nudged.set()

    async def close(self) -> None:
        self._closing = True
        self.nudge()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        while not self._closing:
            try:
                with translated(self._folder):
                    connection = connect(self._folder, busy_timeout_s=self._busy_timeout_s)
                    try:
                        self._watch(connection)
                    finally:
                        connection.close()
            except Transient as error:
                log.warning("watching the log again in %s s: %s", RETRY_S, error)
                self._nudged.wait(RETRY_S)
            except (PolyvoxError, sqlite3.Error) as error:
                fatal = error if isinstance(error, Fatal) else Fatal(f"watching the log failed: {error}")
                for watch in self._watches:
                    self._post(watch, watch.on_fatal, fatal)
                return

    def _watch(self, connection: sqlite3.Connection) -> None:
        seen_version = None
        changed_s = time.monotonic()
        heartbeat_due_s = self._clock.monotonic_s()
        watches: tuple[Watch, ...] = ()
        while not self._closing:
            if watches is not self._watches:
                watches = self._watches
                heartbeat_due_s = self._clock.monotonic_s()
            (version,) = connection.execute("PRAGMA data_version").fetchone()
            if version != seen_version:
                changed_s = time.monotonic()
            if version != seen_version or self._refresh:
                seen_version, self._refresh = version, False
                self._tell(connection)
            now_s = self._clock.monotonic_s()
            if watches and now_s >= heartbeat_due_s:
                heartbeat_due_s = now_s + self._heartbeat(connection, watches)
            idle = time.monotonic() - changed_s > IDLE_AFTER_S
            pause_s = POLL_IDLE_S if idle else POLL_BUSY_S
            self._nudged.wait(pause_s if watches else None)
            self._nudged.clear()

    def _tell(self, connection: sqlite3.Connection) -> None:
        ends = records.ends(connection)
        for watch in self._watches:
            self._post(watch, watch.on_change, ends, groups.status(connection, watch.session))

    def _heartbeat(self, connection: sqlite3.Connection, watches: tuple[Watch, ...]) -> float:
        """Heartbeats for the members on living loops; returns the seconds until the next are due."""
        alive = [watch for watch in watches if watch.loop_alive]
        names = {watch.session.group for watch in watches}
        with write(connection):
            groups.heartbeat(connection, [watch.session for watch in alive], self._clock.monotonic_s())
            for group in names:
                groups.expire(connection, group, self._clock.monotonic_s())
        # Its own writes do not change a connection's data_version.
        self._refresh = True
        for watch in watches:
            self._post(watch, watch.touch)
        shortest_s = min(watch.session_timeout_s for watch in watches)
        return min(HEARTBEAT_MAX_S, shortest_s / HEARTBEATS_PER_SESSION)

    def _post(self, watch: Watch, call: Callable[..., None], *args: object) -> None:
        try:
            watch.loop.call_soon_threadsafe(call, *args)
        except RuntimeError:
            # The loop was closed under the member; without it, the session ends by itself.
            self.remove(watch)
