"""aiokafka's side of the group protocol, with what it lacks (docs/adr/0008-kafka-with-aiokafka.md).

- Static members (KIP-345): it forgets its member id when the broker does not know it any more, so that of two
  processes with one name each throws the other out for ever. Here the id is kept, and the broker answers the
  next join with UNKNOWN_MEMBER_ID to one that was evicted and with FENCED_INSTANCE_ID to one that was replaced.
- A static member that stops stays in the group until its session ends. Here it leaves.
- An error that a heartbeat or the look-up of committed offsets does not expect (a coordinator that has just
  started gives some) ends that task for good, and with it membership or reading. Here both go on trying.
- A join waits in the broker for as long as other members finish their work, longer than other requests may take.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka import errors as kafka
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.protocol.group import JoinGroupRequest, LeaveGroupRequest, SyncGroupRequest

logger = logging.getLogger(__name__)

UNKNOWN_MEMBER = ""
NO_GENERATION = -1
FENCED_INSTANCE_ID = 82
LEAVE_WITHIN_S = 5.0
_RIGHTS = (kafka.GroupAuthorizationFailedError, kafka.TopicAuthorizationFailedError)


class Coordinator(GroupCoordinator):
    """``on_fenced`` is called when a namesake has taken over; nothing else happens from then on."""

    def __init__(self, *args: Any, on_fenced: Callable[[], None], request_timeout_s: float, **options: Any) -> None:
        self._on_fenced = on_fenced
        self._request_timeout_s = request_timeout_s
        self.fenced = False
        super().__init__(*args, **options)

    @property
    def dead(self) -> bool:
        """Its task has ended although nobody asked it to."""
        return self._coordination_task.done() and not self._closing.done()

    @property
    def is_member(self) -> bool:
        """False from the moment the broker said that this generation is over for us."""
        return self.generation != NO_GENERATION

    def reset_generation(self) -> None:
        self.generation = NO_GENERATION
        self.request_rejoin()

    async def _send_req(self, request: Any) -> Any:
        patient = isinstance(request, JoinGroupRequest | SyncGroupRequest)
        try:
            async with asyncio.timeout(None if patient else self._request_timeout_s):
                response = await super()._send_req(request)
        except TimeoutError as error:
            self.coordinator_dead()
            raise kafka.RequestTimedOutError from error
        if isinstance(request, JoinGroupRequest):
            if response.error_code == kafka.UnknownMemberIdError.errno:
                self.member_id = UNKNOWN_MEMBER
            elif response.error_code == FENCED_INSTANCE_ID:
                self.fenced = True
                self._on_fenced()
        return response

    async def _do_heartbeat(self) -> bool:
        if not self.is_member:
            # Nothing to keep alive until the group is joined again.
            return True
        try:
            return bool(await super()._do_heartbeat())
        except _RIGHTS:
            raise
        except kafka.KafkaError as error:
            logger.warning("a heartbeat to %s failed and is tried again: %s", self.group_id, error)
            return False

    async def _maybe_refresh_commit_offsets(self, assignment: Any) -> bool:
        try:
            return bool(await super()._maybe_refresh_commit_offsets(assignment))
        except _RIGHTS:
            raise
        except kafka.KafkaError as error:
            logger.warning("the committed offsets of %s are looked up again: %s", self.group_id, error)
            return False

    async def _do_commit_offsets(self, assignment: Any, offsets: Any) -> None:
        # The broker checks the generation, not who owns what: an offset that waited here through a
        # rebalance must not be stored over the new owner's.
        if not self.is_member or not assignment.active:
            raise kafka.CommitFailedError
        await super()._do_commit_offsets(assignment, offsets)

    async def close(self) -> None:
        """Leave the group; a join that the broker holds back is given up."""
        if self._closing.done():
            return
        self._closing.set_result(None)
        await asyncio.wait([self._coordination_task], timeout=LEAVE_WITHIN_S)
        self._coordination_task.cancel()
        await asyncio.gather(self._coordination_task, return_exceptions=True)
        await self._stop_heartbeat_task()
        await self._stop_commit_offsets_refresh_task()
        await self._maybe_leave_group()

    async def _maybe_leave_group(self) -> None:
        if self.member_id != UNKNOWN_MEMBER and self.is_member and not self.fenced:
            try:
                async with asyncio.timeout(LEAVE_WITHIN_S):
                    await self._send_req(LeaveGroupRequest(self.group_id, self.member_id))
            except (kafka.KafkaError, TimeoutError) as error:
                logger.warning("%s could not be left, the session will end by itself: %s", self.group_id, error)
        self.member_id = UNKNOWN_MEMBER
        self.reset_generation()


class GroupMember(AIOKafkaConsumer):
    """aiokafka's consumer with our coordinator. Joins when ``subscribe`` is called, after ``start``."""

    def __init__(self, *, on_fenced: Callable[[], None], quick_timeout_s: float, **options: Any) -> None:
        super().__init__(**options)
        self._on_fenced = on_fenced
        self._quick_timeout_s = quick_timeout_s

    @property
    def coordinator(self) -> Coordinator:
        found = self._coordinator
        assert isinstance(found, Coordinator)
        return found

    @property
    def dead(self) -> bool:
        """A task that this member lives by has ended."""
        synchronizer = self._client._sync_task
        return (
            self.coordinator.dead
            or self._fetcher.error_future.done()
            or (synchronizer is not None and synchronizer.done())
        )

    async def start(self) -> None:
        await self._client.bootstrap()
        self._fetcher = Fetcher(
            self._client,
            self._subscription,
            fetch_min_bytes=self._fetch_min_bytes,
            fetch_max_bytes=self._fetch_max_bytes,
            fetch_max_wait_ms=self._fetch_max_wait_ms,
            max_partition_fetch_bytes=self._max_partition_fetch_bytes,
            check_crcs=self._check_crcs,
            fetcher_timeout=self._consumer_timeout,
            retry_backoff_ms=self._retry_backoff_ms,
            auto_offset_reset=self._auto_offset_reset,
            isolation_level=self._isolation_level,
        )
        self._coordinator = Coordinator(
            self._client,
            self._subscription,
            on_fenced=self._on_fenced,
            request_timeout_s=self._quick_timeout_s,
            group_id=self._group_id,
            group_instance_id=self._group_instance_id,
            heartbeat_interval_ms=self._heartbeat_interval_ms,
            session_timeout_ms=self._session_timeout_ms,
            retry_backoff_ms=self._retry_backoff_ms,
            enable_auto_commit=False,
            assignors=self._partition_assignment_strategy,
            rebalance_timeout_ms=self._rebalance_timeout_ms,
            max_poll_interval_ms=self._max_poll_interval_ms,
        )
