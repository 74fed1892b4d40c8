"""Settings of the engine elsewhere: an endpoint that speaks OpenAI's audio API."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings

OPENAI = "openai"
"""Name of the engine that sends audio to an endpoint."""


class RemoteModel(BaseModel):
    """What a model of the endpoint can do; None: as is known of its name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    times: Literal["words", "segments", "none"] | None = None
    """What it gives times of."""
    slice_s: float | None = Field(None, ge=2.0, le=1_400.0)
    """Most audio of one request, in seconds."""
    prompt: bool | None = None
    translate: bool | None = None
    logprobs: bool | None = None
    """It tells how sure it is of each token, in answers without times."""


class RemoteSettings(BaseSettings):
    """Where the engine openai sends audio to, and how much at a time."""

    openai_api_key: SecretStr | None = Field(
        None, description="Key of the endpoint that the engine openai sends audio to; any text where it asks for none."
    )
    openai_base_url: str = Field(
        "https://api.openai.com/v1", description="The endpoint: OpenAI's, or any that has its audio routes."
    )
    openai_model: str = Field("whisper-1", description="Model of the engine openai when a request names none.")
    openai_models: dict[str, RemoteModel] = Field(
        {},
        description="Other models of the endpoint that requests may name, and what they can do where their names do "
        'not tell, as JSON: {"my-model": {"times": "none", "slice_s": 10, "prompt": false}}. times is words, segments '
        "or none.",
    )
    openai_parallel: int = Field(
        8, ge=1, description="Requests to the endpoint that one transcriber has open at the same time."
    )
    openai_attempts: int = Field(
        5, ge=1, description="Attempts at one request before its part is put back, to be tried again later."
    )
    openai_timeout_s: float = Field(300.0, gt=0, description="Longest wait for one answer of the endpoint, in seconds.")
    openai_max_bytes: int = Field(
        25_000_000, ge=1_000_000, description="Largest file that the endpoint takes, in bytes; parts are cut to fit."
    )
    transcriber_overflow_backlog_s: float | None = Field(
        None,
        gt=0,
        description="When more seconds of audio than this wait for their words, parts of uploads that name neither "
        "engine nor model go to the engine openai as well. Without it none does.",
    )

    @property
    def openai_key(self) -> str | None:
        """The key as it is sent; None where there is none, or nothing but spaces."""
        given = "" if self.openai_api_key is None else self.openai_api_key.get_secret_value().strip()
        return given or None
