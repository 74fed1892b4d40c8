"""The figures that plans are made of, from figures.toml beside this file."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field

from polyvox.errors import Invalid

CPU = "cpu"
COMMAND = "python -m benchmarks.figures"


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Stage(_Entry):
    """How fast one worker is: ``rtfx`` seconds of audio a second, alone on ``cores`` cores, or on one GPU."""

    worker: str
    engine: str
    model: str
    device: str
    cores: int = Field(ge=1)
    rtfx: float = Field(gt=0)
    memory_mib: int = Field(gt=0)
    measured: str
    machine: str
    how: str


class Bytes(_Entry):
    """What is stored and sent, in bytes."""

    original_per_audio_s: float
    flac_per_audio_s: float
    json_per_audio_s: float
    log_per_recording: float
    log_per_audio_s: float
    database_per_recording: float


class Figures(_Entry):
    bytes: Bytes
    stage: tuple[Stage, ...]

    def of(self, worker: str, *, model: str | None = None, device: str = CPU) -> Stage:
        """The fastest that was measured.

        Raises:
            Invalid: this was never measured; the text says what was, and how to measure it.
        """
        ours = [stage for stage in self.stage if stage.worker == worker]
        fits = [stage for stage in ours if stage.device == device and model in (None, stage.model)]
        if not fits:
            raise Invalid(_unmeasured(worker, model, device, ours), code="never-measured")
        return max(fits, key=lambda stage: stage.rtfx / stage.cores)


@cache
def figures() -> Figures:
    """Those that this version came with."""
    return Figures.model_validate(tomllib.loads((files(__package__) / "figures.toml").read_text()))


def table(stages: Sequence[Stage]) -> str:
    """The stages as a Markdown table, for docs/benchmarks.md."""
    rows = [
        "| worker | model | device | times real time | cores | memory, MiB | measured | how |",
        "|---|---|---|---|---|---|---|---|",
    ]
    rows += [
        f"| {one.worker} | {one.model} ({one.engine}) | {one.device} | {one.rtfx:,.1f} | {one.cores} | "
        f"{one.memory_mib:,} | {one.measured}, {one.machine} | {one.how} |"
        for one in stages
    ]
    return "\n".join(rows)


def _unmeasured(worker: str, model: str | None, device: str, ours: Sequence[Stage]) -> str:
    what = f"the {worker} on {device}" if model is None else f"the {worker} with the model {model} on {device}"
    known = ", ".join(dict.fromkeys(f"{one.model} on {one.device}" for one in ours)) or "nothing"
    return (
        f"{what} was never measured, so there is nothing to plan from. Measured: {known}. "
        f"Measure it there with `{COMMAND}` and add what it prints to polyvox/planning/figures.toml"
    )
