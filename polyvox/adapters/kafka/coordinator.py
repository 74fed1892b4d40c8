"""aiokafka's side of the group protocol, with what it lacks (docs/adr/0008-kafka-with-aiokafka.md).

- Cooperative rebalances: it gives all partitions back before each join. Here a member keeps what it keeps, with its
  place in it, and is told what it has to let go of.
- Static members (KIP-345): it forgets its member id when the broker does not know it any more, so that of two
  processes with one name each throws the other out for ever. Here the id is kept, and the broker answers the
  next join with UNKNOWN_MEMBER_ID to one that was evicted and with FENCED_INSTANCE_ID to one that was replaced.
- A static member that stops stays in the group until its session ends. Here it leaves.
- An error that a heartbeat or the look-up of committed offsets does not expect (a coordinator that has just
  started gives some) ends that task for good, and with it membership or reading. Here both go on trying.
- A join waits in the broker for as long as the others take to join, longer than other requests may take.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Protocol

from aiokafka import TopicPartition as Place
from aiokafka import errors as kafka
from aiokafka.client import ConnectionGroup
from aiokafka.conn import CloseReason
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.coordinator.protocol import ConsumerProtocol
from aiokafka.protocol.commit import OffsetCommitRequest, OffsetFetchRequest
from aiokafka.protocol.group import JoinGroupRequest, LeaveGroupRequest, SyncGroupRequest

from polyvox.adapters.kafka.assignor import Assignor

logger = logging.getLogger(__name__)

UNKNOWN_MEMBER = ""
NO_GENERATION = -1
FENCED_INSTANCE_ID = 82
LEAVE_WITHIN_S = 5.0
_RIGHTS = (kafka.GroupAuthorizationFailedError, kafka.TopicAuthorizationFailedError)
_AGAIN = (kafka.IllegalGenerationError, kafka.RebalanceInProgressError, kafka.UnknownMemberIdError)
"""What a commit meets during a rebalance; whether membership is lost shows when it is sent again."""
_ASIDE = 2
"""The connection for what must not queue behind a join, which the broker answers when all have joined."""
_NOT_QUEUED = (LeaveGroupRequest, OffsetCommitRequest, OffsetFetchRequest)


class Holder(Protocol):
    """Who works on the partitions. The calls that are awaited come one at a time."""

    def holds(self) -> frozenset[Place]: ...

    async def lost(self) -> None:
        """Others may have everything already."""

    async def dealt(self, places: frozenset[Place]) -> bool:
        """These are ours now, and no others; true when some had to be let go of."""

    def fenced(self) -> None:
        """A namesake has taken over; nothing else happens from now on."""


class Coordinator(GroupCoordinator):
    def __init__(self, *args: Any, holder: Holder, request_timeout_s: float, **options: Any) -> None:
        self._holder = holder
        self._request_timeout_s = request_timeout_s
        self._is_fenced = False
        self._is_lost = False
        self._is_joining = False
        self._sent_generation = NO_GENERATION
        self._committer: asyncio.Task[Any] | None = None
        super().__init__(*args, assignors=(Assignor(self.claims),), **options)

    @property
    def dead(self) -> bool:
        """Its task has ended although nobody asked it to."""
        return self._coordination_task.done() and not self._closing.done()

    def claims(self) -> tuple[int, frozenset[Place]]:
        """What this member tells the leader: its generation, and what it holds since then."""
        held = frozenset() if self._is_lost or not self._is_member else self._holder.holds()
        return self.generation, held

    def reset_generation(self) -> None:
        """The broker says that this generation is over for us."""
        stale: bool = self._is_joining or self._sent_generation != self.generation
        if asyncio.current_task() is self._committer and stale:
            # A commit that crossed our own join, whose answer tells more.
            return
        self.generation: int = NO_GENERATION
        self._is_lost = True
        self._performed_join_prepare = False
        self.request_rejoin()

    async def commit_offsets(self, assignment: Any, offsets: Any) -> None:
        """Waits for the end of a rebalance. Raises CommitFailedError when membership is lost."""
        while True:
            await self.ensure_coordinator_known()
            if not self._is_member or self._is_lost:
                raise kafka.CommitFailedError
            try:
                async with self._commit_lock:
                    self._sent_generation, self._committer = self.generation, asyncio.current_task()
                    await self._do_commit_offsets(assignment, offsets)
                return
            except kafka.KafkaError as error:
                if not error.retriable and not isinstance(error, _AGAIN):
                    raise
            await asyncio.sleep(self._retry_backoff_ms / 1000)

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

    @property
    def _is_member(self) -> bool:
        """False from the moment the broker said that this generation is over for us."""
        return bool(self.generation != NO_GENERATION)

    async def _send_req(self, request: Any) -> Any:
        node = self.coordinator_id
        if node is None:
            raise kafka.GroupCoordinatorNotAvailableError
        group = _ASIDE if isinstance(request, _NOT_QUEUED) else ConnectionGroup.COORDINATION
        patient = isinstance(request, JoinGroupRequest | SyncGroupRequest)
        try:
            async with asyncio.timeout(None if patient else self._request_timeout_s):
                response = await self._client.send(node, request, group=group)
        except (kafka.KafkaError, TimeoutError) as error:
            logger.warning(
                "%s of %s: the coordinator does not answer: %r", self._group_instance_id, self.group_id, error
            )
            self.coordinator_dead()
            if isinstance(error, TimeoutError):
                self._client._conns[node, group].close(reason=CloseReason.CONNECTION_TIMEOUT)
                raise kafka.RequestTimedOutError from error
            raise
        if isinstance(request, JoinGroupRequest):
            if response.error_code == kafka.UnknownMemberIdError.errno:
                self.member_id = UNKNOWN_MEMBER
            elif response.error_code == FENCED_INSTANCE_ID:
                self._is_fenced = True
                self._holder.fenced()
        return response

    async def _on_join_prepare(self, previous_assignment: Any) -> None:
        """Nothing is given back here, unless it is lost anyway."""
        self._group_subscription = None
        if self._is_lost:
            await self._lose()

    async def _do_rejoin_group(self, subscription: Any) -> bool:
        self._is_joining = True
        try:
            return bool(await super()._do_rejoin_group(subscription))
        finally:
            self._is_joining = False

    async def _on_join_complete(self, generation: int, member_id: str, protocol: str, dealt: bytes) -> None:
        self._is_joining = False
        # Letting go takes time, and the group must see that this member lives.
        self._start_heartbeat_task()
        if self._is_lost:
            await self._lose()
        places = frozenset(ConsumerProtocol.ASSIGNMENT.decode(dealt).partitions())
        await self._stop_commit_offsets_refresh_task()
        self._assign(places)
        self.start_commit_offsets_refresh_task(self._subscription.subscription.assignment)
        logger.info("%s of %s was dealt %d partitions", self._group_instance_id, self.group_id, len(places))
        if await self._holder.dealt(places):
            self.request_rejoin()

    def _assign(self, places: frozenset[Place]) -> None:
        """Take on these; what was held before goes on where it is, paused or not."""
        before = self._subscription.subscription.assignment
        kept = {place: before.state_value(place) for place in places & self._holder.holds()}
        self._subscription.assign_from_subscribed(list(places))
        for place, state in kept.items():
            if state.has_valid_position:
                self._subscription.seek(place, state.position)
            if state.paused:
                self._subscription.pause(place)

    async def _lose(self) -> None:
        self._subscription.begin_reassignment()
        await self._holder.lost()
        self._is_lost = False

    async def _do_heartbeat(self) -> bool:
        if not self._is_member:
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

    async def _maybe_leave_group(self) -> None:
        if self.member_id != UNKNOWN_MEMBER and self._is_member and not self._is_fenced:
            try:
                async with asyncio.timeout(LEAVE_WITHIN_S):
                    await self._send_req(LeaveGroupRequest(self.group_id, self.member_id))
            except (kafka.KafkaError, TimeoutError) as error:
                logger.warning("%s could not be left, the session will end by itself: %s", self.group_id, error)
        self.member_id = UNKNOWN_MEMBER
        self.reset_generation()
