"""A member's side of a rebalance: give back, be dealt, take over.

One task per consumer follows its group. Whatever the group's state is, the task asks for it, does the
one thing that state calls for, and asks again; so it does not matter which changes it missed.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence

from polyvox.adapters.embedded_log import groups
from polyvox.adapters.embedded_log.database import Database
from polyvox.adapters.embedded_log.groups import Session, Status
from polyvox.errors import Fenced, PolyvoxError, Transient
from polyvox.ports import Clock, RebalanceListener, TopicPartition

RETRY_S = 0.2

log = logging.getLogger(__name__)


class Membership:
    """Holds the session and its generation, and calls the listener.

    ``owned`` maps the partitions of the current generation to their committed offsets; ``active`` is
    true from the return of ``on_assigned`` to the call of ``on_revoked``.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        session: Session,
        topics: Sequence[str],
        session_timeout_s: float,
        *,
        listener: RebalanceListener | None,
        on_owned: Callable[[Mapping[TopicPartition, int | None]], None],
        on_active: Callable[[], None],
    ) -> None:
        self.session = session
        self.generation = -1
        self.active = False
        self.failure: BaseException | None = None
        self._database = database
        self._clock = clock
        self._topics = topics
        self._session_timeout_s = session_timeout_s
        self._listener = listener
        self._on_owned = on_owned
        self._on_active = on_active
        self._partitions: frozenset[TopicPartition] = frozenset()
        self._dealt = False
        self._changed = asyncio.Event()
        self._seen: Status | None = None
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    @property
    def partitions(self) -> frozenset[TopicPartition]:
        return self._partitions

    @property
    def calls_listener(self) -> bool:
        """Whether the running code was called by the listener's methods."""
        return self._task is not None and asyncio.current_task() is self._task

    async def start(self) -> None:
        await self._join()
        self._task = asyncio.create_task(self._follow(), name=f"{self.session.group}/{self.session.member}")

    async def stop(self) -> None:
        """End the task, after the listener call it may be in, and leave the group."""
        self._stopping = True
        self.active = False
        self._changed.set()
        if self._task is not None and not self.calls_listener:
            await self._task
        try:
            await self._database.transact(
                lambda connection: groups.leave(connection, self.session, self._clock.monotonic_s())
            )
        except PolyvoxError as error:
            log.warning("%s could not leave %s, its session will expire: %s", *self._names, error)

    def status_changed(self, status: Status) -> None:
        if status != self._seen:
            self._seen = status
            self._changed.set()

    def fail(self, error: BaseException) -> None:
        """Own nothing from now on; ``failure`` goes to whoever polls or commits."""
        self.failure = error
        self.active = False
        self._changed.set()
        self._on_active()

    async def _join(self) -> None:
        self.generation = await self._database.transact(
            lambda connection: groups.join(
                connection, self.session, self._topics, self._session_timeout_s, self._clock.monotonic_s()
            )
        )

    async def _follow(self) -> None:
        while not self._stopping and self.failure is None:
            self._changed.clear()
            try:
                waiting = await self._step()
            except Transient as error:
                log.warning("%s follows %s again in %s s: %s", self.session.member, self.session.group, RETRY_S, error)
                await asyncio.sleep(RETRY_S)
                continue
            except Exception as error:
                log.exception("%s of %s failed", self.session.member, self.session.group)
                await self._abandon(error)
                return
            if waiting:
                await self._changed.wait()

    async def _step(self) -> bool:
        """One thing towards the group's state; True when there is nothing to do until it changes."""
        status = await self._database.run(lambda connection: groups.status(connection, self.session))
        if self._stopping:
            return False
        if status.replaced:
            self.fail(Fenced(f"{self.session.member} of {self.session.group} was taken over by a newer namesake"))
            return False
        if not status.known:
            log.warning("%s was put out of %s and joins again", *self._names)
            await self._revoke()
            await self._join()
            return False
        if status.generation != self.generation:
            await self._revoke()
            generation = await self._database.transact(lambda connection: groups.give_back(connection, self.session))
            if generation is not None:
                self.generation = generation
            return False
        if status.settled and not self._dealt:
            await self._take()
            return False
        return True

    async def _revoke(self) -> None:
        self.active = False
        self._dealt = False
        if self._partitions and self._listener is not None:
            await self._listener.on_revoked(self._partitions)
        self._partitions = frozenset()
        self._on_owned({})

    async def _take(self) -> None:
        owned = await self._database.run(lambda connection: groups.owned(connection, self.session, self.generation))
        self._dealt = True
        self._partitions = frozenset(owned)
        self._on_owned(owned)
        if self._listener is not None:
            await self._listener.on_assigned(self._partitions)
        if not self._stopping:
            self.active = True
            self._on_active()

    async def _abandon(self, error: Exception) -> None:
        """A listener that fails has lost track of its work: let others have it, and say so to the caller."""
        self.fail(error)
        await self.stop()

    @property
    def _names(self) -> tuple[str, str]:
        return (self.session.member, self.session.group)


def new_session(group: str, member: str) -> Session:
    return Session(group, member, uuid.uuid4().hex)
