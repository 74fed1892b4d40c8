"""What a stage says when it gives up on a recording or a part of one. Pure."""

from __future__ import annotations

from polyvox.contracts import Fact, Stage, StageFailed
from polyvox.errors import PolyvoxError
from polyvox.retry import code_of, reason_of


def stage_failed(
    fact: Fact,
    stage: Stage,
    error: PolyvoxError,
    attempts: int,
    *,
    part: int | None = None,
    reason: str | None = None,
    retake: str | None = None,
) -> StageFailed:
    """The failure of ``stage`` at what ``fact`` asked for; ``reason`` where the stage knows better words."""
    return StageFailed(
        media_id=fact.media_id,
        tenant=fact.tenant,
        lane=fact.lane,
        replay=fact.replay,
        stage=stage,
        part=part,
        code=code_of(error),
        reason=reason or reason_of(error),
        attempts=attempts,
        retake=retake,
    )
