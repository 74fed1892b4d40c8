"""Sends what is due, again and again with growing delays until it is delivered or given up.

All there is to know lies in the database, so whoever is stopped or killed is followed by another.
A delivery whose claim ran out is sent again: with the same id, by which receivers tell repeats.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from polyvox import metrics
from polyvox.errors import PolyvoxError
from polyvox.metrics import Metrics, process_metrics
from polyvox.ports import Clock
from polyvox.worker.waiting import first_of
from results_api.webhooks.backoff import delay_after
from results_api.webhooks.deliveries import Deliveries
from results_api.webhooks.delivery import Attempt, Delivery, State
from results_api.webhooks.endpoints import Endpoint, Endpoints
from results_api.webhooks.posting import GONE, TIMEOUT_S, Poster
from results_api.webhooks.signing import signed_headers
from results_api.webhooks.targets import host_of

log = logging.getLogger(__name__)

AT_ONCE = 16
AT_ONCE_EACH = 4
"""Of one receiver, so that one that does not answer leaves room for the others."""
CLAIM = timedelta(seconds=3 * TIMEOUT_S)
LOOK_EVERY_S = 2.0
DRAIN_S = 5.0
"""How long what is being sent may take at a stop."""
FORGET_EVERY_S = 3600.0
KEPT = timedelta(days=30)
"""How long the log of deliveries reaches back: as long as the events themselves are kept."""


@dataclass(slots=True)
class Sender:
    """Safe to use from any number of processes. ``nudge`` says that there is something new, or room for more.

    ``chance`` draws evenly from [0, 1).
    """

    endpoints: Endpoints
    deliveries: Deliveries
    poster: Poster
    clock: Clock
    counters: Metrics = field(default_factory=process_metrics)
    chance: Callable[[], float] = random.random
    nudge: asyncio.Event = field(default_factory=asyncio.Event)
    _sending: set[asyncio.Task[None]] = field(default_factory=set, init=False)
    _busy: Counter[str] = field(default_factory=Counter, init=False)
    _forget_after_s: float = field(default=float("-inf"), init=False)

    async def run(self, stopping: asyncio.Event) -> None:
        """Send until ``stopping``."""
        try:
            while not stopping.is_set():
                self.nudge.clear()
                try:
                    await self.begin()
                    await self._forget_old()
                except PolyvoxError as error:
                    log.warning("sending webhooks is put off: %s", error)
                except Exception:
                    # Others of this process's services go on, and so does this one.
                    log.exception("sending webhooks failed in a way that nobody planned for")
                waits = [self.clock.sleep(LOOK_EVERY_S), self.nudge.wait(), stopping.wait()]
                await first_of([asyncio.ensure_future(wait) for wait in waits])
            if self._sending:
                await asyncio.wait(self._sending, timeout=DRAIN_S)
        finally:
            # What is cut off here is sent again once its claim runs out.
            for task in self._sending:
                task.cancel()
            await asyncio.gather(*self._sending, return_exceptions=True)
            await self.deliveries.close()

    async def begin(self) -> list[asyncio.Task[None]]:
        """Begin to send what is due, as much as there is room for. Raises Unavailable."""
        begun: list[asyncio.Task[None]] = []
        while room := AT_ONCE - len(self._sending):
            now = self.clock.now()
            full = [webhook_id for webhook_id, count in self._busy.items() if count >= AT_ONCE_EACH]
            due = await self.deliveries.due(now, without=full, limit=room)
            claimed = await self.deliveries.claim(self._fitting(due), now, now + CLAIM)
            begun += [self._start(delivery) for delivery in claimed]
            if not claimed:
                break
        return begun

    async def send(self, delivery: Delivery) -> None:
        """Make one attempt at a claimed delivery and note how it went. Raises Unavailable."""
        endpoint = await self.endpoints.get(delivery.webhook_id)
        now = self.clock.now()
        if endpoint is None or endpoint.disabled_at is not None:
            await self.deliveries.note(delivery, None, state="failed", next_at=now, now=now)
            return
        attempt = await self._attempt(endpoint, delivery)
        now = self.clock.now()
        if attempt.error is None:
            await self.deliveries.note(delivery, attempt, state="delivered", next_at=now, now=now)
            self._count("delivered")
            return
        gone = attempt.status == GONE
        delay = None if gone else delay_after(delivery.failures + 1, self.chance())
        if gone:
            await self.endpoints.disable(endpoint.id, now)
        state: State = "failed" if delay is None else "pending"
        await self.deliveries.note(delivery, attempt, state=state, next_at=now + (delay or timedelta()), now=now)
        self._count("gone" if gone else "failed" if delay else "given-up")
        self._say(endpoint, delivery, attempt, delay)

    def _fitting(self, due: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """No more of one receiver than it is sent at once."""
        busy = self._busy.copy()
        fitting = []
        for webhook_id, event_id in due:
            if busy[webhook_id] < AT_ONCE_EACH:
                busy[webhook_id] += 1
                fitting.append((webhook_id, event_id))
        return fitting

    async def _attempt(self, endpoint: Endpoint, delivery: Delivery) -> Attempt:
        at: datetime = self.clock.now()
        began_s = self.clock.monotonic_s()
        body = delivery.body.encode()
        answer = await self.poster.post(
            endpoint.url, signed_headers(endpoint.secret, delivery.event_id, at, body), body
        )
        took_s = round(self.clock.monotonic_s() - began_s, 3)
        return Attempt(at=at, duration_s=took_s, status=answer.status, error=answer.error)

    def _start(self, delivery: Delivery) -> asyncio.Task[None]:
        self._busy[delivery.webhook_id] += 1
        task = asyncio.create_task(self._send_logged(delivery), name=f"webhook {delivery.webhook_id}")
        self._sending.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            self._sending.discard(task)
            self.nudge.set()
            self._busy[delivery.webhook_id] -= 1
            if not self._busy[delivery.webhook_id]:
                del self._busy[delivery.webhook_id]

        task.add_done_callback(ended)
        return task

    async def _send_logged(self, delivery: Delivery) -> None:
        try:
            await self.send(delivery)
        except PolyvoxError as error:
            log.warning("what became of a delivery to webhook %s could not be noted: %s", delivery.webhook_id, error)
        except Exception:
            # Nobody awaits this task; the delivery is tried again when its claim runs out.
            log.exception("a delivery to webhook %s failed in a way that nobody planned for", delivery.webhook_id)

    async def _forget_old(self) -> None:
        if self.clock.monotonic_s() >= self._forget_after_s:
            self._forget_after_s = self.clock.monotonic_s() + FORGET_EVERY_S
            await self.deliveries.forget_ended(self.clock.now() - KEPT)

    def _count(self, outcome: str) -> None:
        self.counters.add(metrics.WEBHOOK_ATTEMPTS, outcome=outcome)

    def _say(self, endpoint: Endpoint, delivery: Delivery, attempt: Attempt, delay: timedelta | None) -> None:
        what = "given up" if delay is None else f"tried again in {delay.total_seconds():.0f} s"
        log.warning(
            "telling webhook %s at %s of %s failed and is %s: %s",
            *(endpoint.id, host_of(endpoint.url), delivery.media_id, what, attempt.error),
        )
