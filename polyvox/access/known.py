"""Keys as a process that checks them remembers them: read from the store at most once in some seconds each.

So a check costs a look into memory, and what was revoked is refused everywhere ``FRESH_S`` later. While the store is
away, a key that was good goes on being good for ``GRACE_S``.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass

from polyvox.access.key import ApiKey
from polyvox.access.keyring import Keyring
from polyvox.errors import Transient
from polyvox.ports import Clock

log = logging.getLogger(__name__)

FRESH_S = 5.0
GRACE_S = 300.0
REMEMBERED_MAX = 10_000


@dataclass(frozen=True, slots=True)
class _Told:
    """``key`` None: there is none of that id."""

    key: ApiKey | None
    at_s: float


class KnownKeys:
    """Safe to use from many requests at the same time."""

    def __init__(self, keyring: Keyring, clock: Clock) -> None:
        self._keyring = keyring
        self._clock = clock
        self._told: OrderedDict[str, _Told] = OrderedDict()
        self._asking: dict[str, asyncio.Task[ApiKey | None]] = {}
        self._are_none = True
        self._none_at_s: float | None = None
        self._looking = asyncio.Lock()

    def __len__(self) -> int:
        """Of how many ids it remembers whether there is a key."""
        return len(self._told)

    def forget(self) -> None:
        """Everything is looked up anew from now on; that there are keys is never forgotten."""
        self._told.clear()
        self._none_at_s = None

    def at_hand(self, key_id: str) -> ApiKey | None:
        """The key, if it was read within the last seconds; None says nothing."""
        told = self._told.get(key_id)
        return told.key if told is not None and self._clock.monotonic_s() - told.at_s < FRESH_S else None

    def was_there(self, key_id: str) -> bool:
        """Whether there was such a key when it was last looked up."""
        told = self._told.get(key_id)
        return told is not None and told.key is not None

    async def get(self, key_id: str) -> ApiKey | None:
        """The key of that id, as it was at most ``FRESH_S`` ago; None when there is none.

        Raises:
            Transient: the store is in trouble, and nothing is known that is young enough.
        """
        told = self._told.get(key_id)
        if told is not None and self._clock.monotonic_s() - told.at_s < FRESH_S:
            return told.key
        asking = self._asking.get(key_id)
        if asking is None:
            asking = self._asking[key_id] = asyncio.create_task(self._ask(key_id, told))
            asking.add_done_callback(lambda _: self._asking.pop(key_id, None))
        # One of those who wait may leave; the others still want to know.
        return await asyncio.shield(asking)

    async def are_there_any(self) -> bool:
        """Whether a key was ever made, as it was at most ``FRESH_S`` ago; once true, always. Raises Transient."""
        if not self._are_none:
            return True
        if self._is_fresh():
            return False
        async with self._looking:
            if not self._is_fresh():
                self._are_none = await self._keyring.is_empty()
                self._none_at_s = self._clock.monotonic_s()
        return not self._are_none

    def _is_fresh(self) -> bool:
        return self._none_at_s is not None and self._clock.monotonic_s() - self._none_at_s < FRESH_S

    async def _ask(self, key_id: str, told: _Told | None) -> ApiKey | None:
        try:
            key = await self._keyring.get(key_id)
        except Transient:
            if told is None or told.key is None or self._clock.monotonic_s() - told.at_s > GRACE_S:
                raise
            log.warning("the key %s cannot be looked up for now; what is known of it stands", key_id)
            return told.key
        self._told[key_id] = _Told(key, self._clock.monotonic_s())
        self._told.move_to_end(key_id)
        while len(self._told) > REMEMBERED_MAX:
            self._told.popitem(last=False)
        return key
