"""Settings of the models: weights, devices, engines."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from polyvox.weights import known_models
from polyvox.weights.own import OwnModels

Engine = Literal["ctranslate2", "whisper", "openai"]

X86 = ("x86_64", "amd64")
NVIDIA_DRIVER = Path("/dev/nvidiactl")


def usual_engine(device: str) -> Engine:
    """The engine for a ``device`` as settings name it, by what was measured (ADR 39)."""
    has_gpu = device.startswith("cuda") or (device == "auto" and NVIDIA_DRIVER.exists())
    return "whisper" if platform.machine().lower() in X86 and not has_gpu else "ctranslate2"


class ModelSettings(BaseSettings):
    """Which models write words and tell speakers, and on what."""

    weights_dir: Path = Field(
        Path.home() / ".cache" / "polyvox" / "weights", description="Folder where model weights are kept."
    )
    device: str = Field("auto", description="auto, cpu, cuda or cuda:N.")
    threads: int = Field(0, ge=0, description="Threads a model uses on CPU; 0 uses all cores.")
    transcriber_engine: Engine = Field(
        default_factory=lambda known: usual_engine(known.get("device", "auto")),
        description="Engine that writes the words; openai sends audio to an endpoint elsewhere. Left out: whisper on a "
        "CPU of x86's kind, ctranslate2 on a GPU and on other CPUs.",
    )
    transcriber_model: str = Field("base", description="Model of the transcriber when a request names none.")
    transcriber_models: dict[str, str] = Field(
        {},
        description="Models of your own that requests may name, and where they are, as JSON: "
        '{"calls": "/models/calls.pt", "swedish": "KBLab/kb-whisper-base@main"}. A path is a checkpoint of '
        "openai-whisper or a folder of CTranslate2 or transformers; owner/name is a Hugging Face repository. The "
        "upload API and the transcriber need the same.",
    )
    transcriber_beams: int = Field(
        0,
        ge=0,
        le=20,
        description="Hypotheses of each window that the transcriber follows at once; 1 is greedy, 0 what suits the "
        "engine: 5, but 1 for whisper on a GPU.",
    )
    transcriber_concurrency: int = Field(1, ge=1, description="Parts transcribed at the same time by one transcriber.")
    transcriber_batch: int = Field(
        4,
        ge=1,
        description="Short parts that a transcriber's model takes together, so that their windows share its batch; "
        "engine whisper only.",
    )
    transcriber_gpu_memory_gib: float | None = Field(
        None,
        gt=0,
        description="Most memory of a GPU that a transcriber's models take together, in GiB: how many windows are "
        "worked on at once and how many models stay loaded follow from it. Without it 64 windows and two models.",
    )
    models_idle_s: float = Field(
        0.0,
        ge=0,
        description="A transcriber's model that nobody needed for so long, in seconds, gives its memory back, on a GPU "
        "too; the next part waits until it is loaded again. 0 keeps it.",
    )
    transcribe_timeout_s: float = Field(3600.0, gt=0, description="Longest wall-clock time for one part, in seconds.")
    diarizer_pipeline: str = Field(
        "builtin",
        description="builtin, or a pyannote pipeline: a Hugging Face name or a local folder.",
    )
    diarizer_concurrency: int = Field(1, ge=1, description="Recordings diarized at the same time by one diarizer.")
    diarizer_gpu_memory_gib: float | None = Field(
        None,
        gt=0,
        description="Most memory of a GPU that a diarizer's models take together, in GiB; fewer windows go through "
        "them at once for it. Without it 32 windows.",
    )
    diarize_timeout_s: float = Field(
        6 * 3600.0, gt=0, description="Longest wall-clock time for one recording, in seconds."
    )
    speakers_wait_s: float = Field(
        3600.0,
        gt=0,
        description="How long a recording that has its words waits for its speakers, in seconds; then its result is "
        "made without them, and made again when they come.",
    )
    retake_gap_s: float = Field(
        2.0,
        ge=0,
        description="Speech without words that is longer than this, in seconds, is transcribed a second time with "
        "other settings, once the result is out; what that finds makes another version. 0 never does.",
    )
    hf_token: str | None = Field(None, description="Hugging Face token, for pipelines and models that need one.")

    @field_validator("transcriber_models")
    @classmethod
    def _can_be_found(cls, places: dict[str, str]) -> dict[str, str]:
        if taken := sorted(known_models().intersection(places)):
            raise ValueError(f"{', '.join(taken)}: this is a published model's name; choose another")
        OwnModels.of(places)
        return places
