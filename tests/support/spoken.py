"""Recordings in which something is said, to be searched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from polyvox.contracts import Fact, PartWords, Word
from tests.support.results import Results
from tests.support.stages import Recording


@dataclass(frozen=True)
class Spoken(Recording):
    """``said`` half a second a word; the first speaker has ten of them, the second the next ten."""

    parts: int = 1
    said: str = ""
    tenant: str = "default"

    def words(self, part: int) -> PartWords:
        texts = [f" {word}" for word in self.said.split()]
        said = [Word(start_s=n / 2, end_s=n / 2 + 0.4, text=text, probability=0.9) for n, text in enumerate(texts)]
        return super().words(part).model_copy(update={"words": said})

    @property
    def facts(self) -> list[Fact]:
        return [fact.model_copy(update={"tenant": self.tenant}) for fact in super().facts]


async def publish(world: Results, *spoken: Recording) -> None:
    projection = world.projection()
    for one in spoken:
        await one.store_all(world.store)
        for second, fact in enumerate(one.facts):
            await projection.handle(one.event(fact, second))
        assert await world.status(one.media_id) == "completed"


async def found(client: httpx.AsyncClient, q: str, **params: Any) -> list[str]:
    """Names of files, one for each hit, over all pages."""
    names: list[str] = []
    while True:
        page = (await client.get("/v1/search", params={"q": q, **params})).raise_for_status().json()
        names += [item["filename"] for item in page["items"]]
        if page["next_cursor"] is None:
            return names
        params["cursor"] = page["next_cursor"]
