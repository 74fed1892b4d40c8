"""Keys in the object store, one object each, so that every process finds them and none needs a database."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

from polyvox import keys
from polyvox.access.key import ApiKey
from polyvox.access.scopes import Scope
from polyvox.access.secret import new_key, presented
from polyvox.errors import Invalid, NotFound
from polyvox.ports import Clock, ObjectStore

AT_ONCE = 16
"""Keys that are read at the same time."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A key to be made. ``tenant`` None: for everybody's recordings."""

    name: str
    tenant: str | None
    scopes: frozenset[Scope]
    requests_per_minute: int | None = None
    expires_at: datetime | None = None
    created_by: str | None = None


@dataclass(frozen=True, slots=True)
class Keyring:
    """Every call raises Transient when the store is in trouble."""

    store: ObjectStore
    clock: Clock

    async def add(self, wish: Wish, text: str | None = None) -> tuple[ApiKey, str]:
        """A new key and its text, which is told this once: it can be found out from nothing that is kept.

        ``text`` is a key that was made elsewhere.

        Raises:
            AlreadyExists: there is a key of that id.
            Invalid: ``text`` has not the form of a key.
        """
        text = new_key() if text is None else text
        shown = presented(text.encode())
        if shown is None:
            raise Invalid(
                "this is no key: pvx_, 16 hexadecimal digits, _ and 64 more; `polyvox keys new` writes one",
                code="bad-key",
            )
        key = ApiKey(
            key_id=shown.key_id,
            sha256=shown.sha256.hex(),
            name=wish.name,
            tenant=wish.tenant,
            scopes=wish.scopes,
            requests_per_minute=wish.requests_per_minute,
            created_at=self.clock.now(),
            created_by=wish.created_by,
            expires_at=wish.expires_at,
        )
        await self._put(key, if_absent=True)
        return key, text

    async def get(self, key_id: str) -> ApiKey | None:
        try:
            return ApiKey.model_validate_json(await self.store.get(keys.api_key(key_id)))
        except NotFound:
            return None

    async def all(self) -> list[ApiKey]:
        """Also those that are revoked or expired, the oldest first."""
        names = [info.key async for info in self.store.list(keys.API_KEYS)]
        slots = asyncio.Semaphore(AT_ONCE)

        async def read(name: str) -> ApiKey | None:
            async with slots:
                return await self.get(name.removeprefix(keys.API_KEYS).removesuffix(".json"))

        found = await asyncio.gather(*map(read, names))
        return sorted((key for key in found if key is not None), key=lambda key: (key.created_at, key.key_id))

    async def is_empty(self) -> bool:
        """Whether there never was a key: one that is revoked stays, and keeps the door shut."""
        async for _ in self.store.list(keys.API_KEYS):
            return False
        return True

    async def revoke(self, key_id: str) -> ApiKey:
        """From now on it is refused, everywhere within seconds. Revoking it again changes nothing.

        Raises:
            NotFound: there is no such key.
        """
        key = await self.get(key_id)
        if key is None:
            raise NotFound(f"there is no key {key_id}", code="no-such-key")
        if key.revoked_at is None:
            key = key.model_copy(update={"revoked_at": self.clock.now()})
            await self._put(key)
        return key

    async def _put(self, key: ApiKey, *, if_absent: bool = False) -> None:
        await self.store.put(
            keys.api_key(key.key_id),
            key.model_dump_json().encode(),
            content_type="application/json",
            if_absent=if_absent,
        )
