"""Fixtures: a projection's results on one of the databases, and a client of the API that serves them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.support.databases import Place
from tests.support.results import Results, results


@pytest.fixture
async def world(place: Place) -> AsyncIterator[Results]:
    async with results(place) as world:
        yield world


@pytest.fixture
async def client(world: Results) -> AsyncIterator[httpx.AsyncClient]:
    async with world.serving() as client:
        yield client
