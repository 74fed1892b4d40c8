"""A stage is to run again on a recording that has a result, with other settings or another model."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

from polyvox.contracts.envelope import Fact
from polyvox.contracts.options import Options

ReplayedStage = Literal["transcribe", "diarize", "merge"]


class ReplayRequested(Fact):
    """``replay`` names the replay; what its work leads to carries the same name.

    The result that is there stays until all that was asked for is done again.
    """

    TYPE: ClassVar[str] = "polyvox.replay-requested.v1"
    TOPIC: ClassVar[str] = "replay-requested"

    replay: str
    stage: ReplayedStage
    options: Options
    """All options of the recording from then on, not only those that changed."""
    force: bool | None = None
    """Work again although the same was done before with the same options."""
    requested_at: datetime
