"""What somebody orders when they want a stage to run again. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError, WithJsonSchema, field_validator

from polyvox.contracts import Options, ReplayedStage
from polyvox.errors import Invalid
from polyvox.moments import WRITTEN
from results_api.database.recording import Recording

NOT_OPTIONS = frozenset({"metadata", "task"})
"""What a replay cannot change: it would be another recording, or another kind of result."""
IDS_MAX = 1000
CHANGED: dict[str, Any] = {
    "type": "object",
    "properties": {
        name: schema for name, schema in Options.model_json_schema()["properties"].items() if name not in NOT_OPTIONS
    },
    "additionalProperties": False,
}
"""The JSON schema of options to change."""


class Where(BaseModel):
    """Which recordings. All that is given must hold; recordings without a decoded audio never match."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    media_ids: list[str] = Field([], max_length=IDS_MAX, description="These, and no others.")
    since: Annotated[datetime, WRITTEN] | None = Field(None, description="Uploaded then or later.")
    until: Annotated[datetime, WRITTEN] | None = Field(None, description="Uploaded before then.")
    status: Literal["completed", "failed"] | None = Field("completed", description="null: either.")
    language: str | None = None
    tenant: str | None = None
    metadata: dict[str, str] = {}
    engine: str | None = Field(None, description="The stage's result was made by this engine.")
    model: str | None = Field(None, description="The stage's result was made with this model.")

    @field_validator("since", "until")
    @classmethod
    def _has_a_zone(cls, time: datetime | None) -> datetime | None:
        if time is not None and time.tzinfo is None:
            raise ValueError("say which time zone is meant, for example 2026-03-01T00:00:00Z")
        return time


class Order(BaseModel):
    """Run ``stage`` again on the recordings that ``where`` describes, with ``set`` in their options."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stage: ReplayedStage
    where: Where = Where()
    set: Annotated[dict[str, Any], WithJsonSchema(CHANGED)] = Field(
        {}, description="Options to change, for example num_speakers; null takes one back."
    )
    force: StrictBool = Field(False, description="Work again even where the same was done with the same options.")
    limit: Annotated[int, Field(ge=1)] | None = Field(None, description="At most this many recordings, newest first.")

    @field_validator("set")
    @classmethod
    def _are_options(cls, values: dict[str, Any]) -> dict[str, Any]:
        allowed = sorted(set(Options.model_fields) - NOT_OPTIONS)
        for name in values:
            if name not in allowed:
                raise ValueError(f"{name!r} is no option of a replay; there are: {', '.join(allowed)}")
        try:
            Options.model_validate(values)
        except ValidationError as error:
            raise ValueError("; ".join(f"{problem['loc']}: {problem['msg']}" for problem in error.errors())) from error
        return values


def matches(order: Order, recording: Recording) -> bool:
    """What no column of the database knows."""
    view = recording.current
    if view.ready is None or view.deleted_at is not None:
        return False
    if order.where.status is not None and recording.status != order.where.status:
        return False
    made = list(view.transcribed.values()) if order.stage == "transcribe" else [view.diarized] if view.diarized else []
    return all(
        wanted is None or any(getattr(told.data, name) == wanted for told in made)
        for name, wanted in (("engine", order.where.engine), ("model", order.where.model))
    )


def options_after(order: Order, options: Options) -> Options:
    """All options of a recording with the order's changes.

    Raises:
        Invalid: they contradict each other, as num_speakers and min_speakers do.
    """
    changed = {**options.model_dump(), **order.set}
    if order.set.get("num_speakers") is not None:
        # An exact number takes the place of bounds that were given with the upload.
        changed |= {name: order.set.get(name) for name in ("min_speakers", "max_speakers")}
    elif any(order.set.get(name) is not None for name in ("min_speakers", "max_speakers")):
        changed["num_speakers"] = order.set.get("num_speakers")
    if order.stage == "diarize" and "diarize" not in order.set:
        changed["diarize"] = True
    try:
        return Options.model_validate(changed)
    except ValidationError as error:
        raise Invalid(error.errors()[0]["msg"], code="bad-options") from error
