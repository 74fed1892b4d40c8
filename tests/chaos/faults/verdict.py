"""Whether the product kept its promise: one end for each recording, and none missing that was acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from polyvox.errors import PolyvoxError
from tests.chaos.faults.ends import Ends
from tests.chaos.faults.load import Sent

AT_ONCE = 16


@dataclass(frozen=True)
class Verdict:
    """``lost`` and ``doubled`` tell of each recording what is wrong with it."""

    recordings: int
    acknowledged: int
    completed: int
    failed: int
    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    refused: tuple[str, ...]
    reasons: tuple[str, ...]
    """Of failures."""

    @property
    def kept(self) -> bool:
        return not (self.lost or self.doubled or self.refused)


def is_quiet(sent: Sequence[Sent], ends: Ends) -> bool:
    """Whether everything that was acknowledged or announced has ended."""
    return all(
        (one.name in ends.announced or not one.acknowledged)
        and all(ends.ended(media_id) for media_id in _ids(one, ends))
        for one in sent
    )


async def judge(sent: Sequence[Sent], ends: Ends, http: httpx.AsyncClient) -> Verdict:
    """Once all is quiet; what has not ended by now is lost."""
    ids = [media_id for one in sent for media_id in _ids(one, ends)]
    lost = [f"{one.name}: {'; '.join(missing)}" for one in sent if (missing := _missing(one, ends))]
    return Verdict(
        recordings=len(sent),
        acknowledged=sum(one.acknowledged for one in sent),
        completed=sum(media_id in ends.completed for media_id in ids),
        failed=sum(media_id in ends.failed for media_id in ids),
        lost=tuple(lost + await _invisible(ids, ends, http)),
        doubled=tuple(trouble for one in sent for trouble in _doubled(one, ends)),
        refused=tuple(f"{one.name}: {one.refused}" for one in sent if one.refused is not None),
        reasons=tuple(
            f"{media_id} failed: {'; '.join(ends.failed[media_id].values())}"
            for media_id in ids
            if media_id in ends.failed
        ),
    )


def _ids(sent: Sent, ends: Ends) -> set[str]:
    return sent.media_ids | ends.announced.get(sent.name, set())


def _missing(sent: Sent, ends: Ends) -> list[str]:
    announced = ends.announced.get(sent.name, set())
    never = ["acknowledged and never announced"] if sent.dropped and not announced else []
    never += [f"{media_id} acknowledged and never announced" for media_id in sent.media_ids - announced]
    return never + [f"{media_id} has no end" for media_id in announced if not ends.ended(media_id)]


def _doubled(sent: Sent, ends: Ends) -> list[str]:
    ids = _ids(sent, ends)
    troubles = [f"{sent.name}: became {sorted(ids)}"] if len(ids) > 1 else []
    for media_id in ids:
        told = [*ends.completed.get(media_id, ()), *ends.failed.get(media_id, ())]
        if len(told) > 1:
            troubles.append(f"{sent.name}: {media_id} ended by the events {told}")
    return troubles


async def _invisible(ids: Sequence[str], ends: Ends, http: httpx.AsyncClient) -> list[str]:
    """What REST does not tell as the topics do."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def look(media_id: str) -> str | None:
        async with slots:
            return await _difference(media_id, ends, http)

    return [found for found in await asyncio.gather(*map(look, ids)) if found is not None]


async def _difference(media_id: str, ends: Ends, http: httpx.AsyncClient) -> str | None:
    if not ends.ended(media_id):
        return None
    try:
        shown = await http.get(f"/v1/media/{media_id}")
        status = shown.json()["status"] if shown.is_success else str(shown.status_code)
        if media_id in ends.completed:
            transcript = await http.get(f"/v1/media/{media_id}/transcript", params={"format": "json"})
            is_there = transcript.is_success and transcript.json()["status"] == "completed"
            words = sum(len(segment["text"]) for segment in transcript.json()["segments"]) if is_there else 0
            return None if status == "completed" and words else f"{media_id}: completed, shown as {status}, {words=}"
        reason = (shown.json().get("failure") or {}).get("reason") if shown.is_success else None
        return None if status == "failed" and reason else f"{media_id}: failed, shown as {status} for {reason!r}"
    except (httpx.TransportError, PolyvoxError, KeyError) as error:
        return f"{media_id}: cannot be shown: {error!r}"
