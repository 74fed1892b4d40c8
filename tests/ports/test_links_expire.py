"""Addresses that stores give out are good for as long as they say, for what they say."""

from __future__ import annotations

import httpx
import pytest

from polyvox.ports import PART_MIN_BYTES, ObjectStore
from tests.support.results import until


async def test_an_address_for_a_part_takes_that_part_until_it_expires_and_nothing_else(store: ObjectStore) -> None:
    key = "links/expiring"
    upload = await store.begin_parts(key)
    try:
        first = await store.part_url(key, upload, 1, expires_s=2)
        if first is None:
            pytest.skip("bytes go through the API here")
        async with httpx.AsyncClient(trust_env=False) as anybody:
            body = b"x" * PART_MIN_BYTES
            assert (await anybody.put(first, content=body)).status_code == 200
            for other in (first.replace("partNumber=1", "partNumber=2"), first.replace("expiring", "others")):
                assert other != first
                assert (await anybody.put(other, content=body)).status_code in (403, 404)
            assert (await anybody.get(first)).status_code in (400, 403)

            async def is_refused() -> bool:
                return (await anybody.put(first, content=body)).status_code == 403

            await until(is_refused, "the address to expire", within_s=20, every_s=0.5)
    finally:
        await store.drop_parts(key, upload)
