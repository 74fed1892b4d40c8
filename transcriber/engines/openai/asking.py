"""One request after the other to an endpoint, each tried until it is answered or cannot be."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from openai import APIError, AsyncOpenAI, Timeout
from pydantic import ValidationError

from polyvox.errors import Fatal, Invalid, Limited, PolyvoxError, Transient, Unavailable
from polyvox.metrics import REMOTE_REQUESTS, Metrics
from polyvox.ports import Clock
from polyvox.retry import RetryPolicy, delay_s
from transcriber.engines.base import TranscribeOptions
from transcriber.engines.openai.answers import Answer
from transcriber.engines.openai.gate import Gate
from transcriber.engines.openai.models import Abilities
from transcriber.engines.openai.refusals import Asked, refusal

PATIENCE_S = 90.0
"""Longer waits are not made with a part in hand: it is put back, and comes again after them."""
CONNECT_S = 10.0
STAGGER = 0.25
"""Of a wait that all were told, so that they do not all come back in one moment."""
FILE_NAME = "part.flac"
OTHER = "other"
ROUTES = {"transcribe": "transcriptions", "detect": "transcriptions", "translate": "translations"}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where requests go. ``default_model`` is the one that must be there, ``models`` are others that may be."""

    base_url: str
    api_key: str
    default_model: str
    models: frozenset[str] = frozenset()
    parallel: int = 8
    attempts: int = 5
    timeout_s: float = 300.0

    def shown(self, model: str) -> str:
        """What metrics call a model."""
        return model if model == self.default_model or model in self.models else OTHER


class Asking:
    """At most ``endpoint.parallel`` requests at a time, over all parts."""

    def __init__(
        self, endpoint: Endpoint, clock: Clock, metrics: Metrics, *, chance: Callable[[], float] = random.random
    ) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._metrics = metrics
        self._chance = chance
        self._places = asyncio.Semaphore(endpoint.parallel)
        self._policy = RetryPolicy(attempts=endpoint.attempts, base_s=1.0, max_s=30.0)
        self.gate = Gate(clock)
        # Tries are made here, where a wait that one request is told holds for all.
        self._client = AsyncOpenAI(
            api_key=endpoint.api_key,
            base_url=endpoint.base_url,
            max_retries=0,
            timeout=Timeout(endpoint.timeout_s, connect=CONNECT_S),
        )

    async def ask(self, flac: bytes, options: TranscribeOptions, able: Abilities) -> Answer:
        """The answer about one file.

        Raises:
            Invalid: the endpoint cannot do what is asked, or does not take the audio.
            Transient: it did not answer ``attempts`` times; Limited with what it asks to wait.
            Fatal: it takes no request of ours.
        """
        attempt = 0
        while True:
            attempt += 1
            async with self._places:
                await self.gate.passed(at_most_s=PATIENCE_S)
                try:
                    return await self._counted(flac, options, able)
                except Transient as error:
                    wait_s = self._wait_s(error, attempt)
                    if limited := isinstance(error, Limited):
                        self.gate.close(wait_s, str(error))
                    if attempt >= self._policy.attempts:
                        raise
            if not limited:
                await self._clock.sleep(wait_s)

    async def close(self) -> None:
        await self._client.close()

    async def _counted(self, flac: bytes, options: TranscribeOptions, able: Abilities) -> Answer:
        outcome = "answered"
        try:
            return await self._once(flac, options, able)
        except PolyvoxError as error:
            outcome = _outcome(error)
            raise
        finally:
            self._metrics.add(REMOTE_REQUESTS, model=self._endpoint.shown(options.model), outcome=outcome)

    async def _once(self, flac: bytes, options: TranscribeOptions, able: Abilities) -> Answer:
        endpoint = self._endpoint
        try:
            # The answer as it came: what the package makes of one that is no transcript it does not say. Its method for
            # translations is deprecated, the route is not.
            content = await self._client.post(
                f"/audio/{ROUTES[options.task]}",
                cast_to=bytes,
                body=form(options, able),
                files={"file": (FILE_NAME, flac, "audio/flac")},
                options={"headers": {"Content-Type": "multipart/form-data"}},
            )
        except APIError as error:
            asked = Asked(
                options.model, options.model == endpoint.default_model, endpoint.base_url, secret=endpoint.api_key
            )
            raise refusal(error, asked, self._clock.now()) from None
        try:
            return Answer.model_validate_json(content)
        except ValidationError as error:
            # What it holds is not told: it may be what was said in the recording.
            what = f"{len(content)} bytes, {error.error_count()} errors"
            raise Transient(f"{endpoint.base_url} answered what is no transcript: {what}") from None

    def _wait_s(self, error: Transient, attempt: int) -> float:
        """Before the next attempt. What was asked for is kept to; a little more parts those who were told the same."""
        if isinstance(error, Limited) and error.retry_after_s > 0:
            return error.retry_after_s * (1.0 + STAGGER * self._chance())
        return delay_s(attempt, self._policy, self._chance())


def form(options: TranscribeOptions, able: Abilities) -> dict[str, Any]:
    """The fields of a request besides its file."""
    fields: dict[str, Any] = {"model": options.model}
    if able.times == "none":
        fields["response_format"] = "json"
        if able.logprobs:
            fields["include"] = ["logprobs"]
    else:
        fields["response_format"] = "verbose_json"
        if options.task != "translate":
            granularities = ["word", "segment"] if able.times == "words" else ["segment"]
            fields["timestamp_granularities"] = granularities
    if options.language is not None and options.task != "translate":
        fields["language"] = options.language
    if options.prompt and able.prompt:
        fields["prompt"] = options.prompt
    if options.temperature:
        fields["temperature"] = options.temperature
    return fields


def _outcome(error: PolyvoxError) -> str:
    match error:
        case Limited():
            return "limited"
        case Unavailable():
            return "unreached"
        case Invalid() | Fatal():
            return "refused"
        case _:
            return "failed"
