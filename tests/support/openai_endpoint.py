"""An endpoint that speaks OpenAI's audio API, and knows one recording by heart.

It finds every upload in that recording, sample by sample, so it can say exactly what of it was sent, and answers
with the words that are said there. Faults are answered as they are put in, one for each request.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from multipart import MultipartParser, parse_options_header
from numpy.typing import NDArray

from polyvox.audio import FULL_SCALE, SAMPLE_RATE_HZ, decode_flac
from tests.support.server import serve

KEY = "sk-test-0123456789"
SHORTEST_PIECE = 1_600
"""Samples by which a piece is found."""
SEGMENT_WORDS = 5


@dataclass(frozen=True)
class Spoken:
    """Seconds of the recording."""

    text: str
    start_s: float
    end_s: float


@dataclass
class Got:
    """One request that was let in. ``pieces``: (start, end) in seconds of the recording of what was sent, in order."""

    route: str
    fields: dict[str, list[str]]
    size_bytes: int
    pieces: list[tuple[float, float]]

    def __getitem__(self, name: str) -> str | None:
        return self.fields.get(name, [None])[0]  # type: ignore[list-item]


Fault = Callable[[Request], Awaitable[Response]]


@dataclass
class Endpoint:
    """``words`` of the recording ``audio``. ``bare``: times come with words without punctuation, as OpenAI's."""

    audio: NDArray[np.float32]
    words: Sequence[Spoken]
    language: str = "english"
    bare: bool = True
    url: str = ""
    faults: list[Fault] = field(default_factory=list)
    fault_of: Callable[[Got], Fault | None] = lambda _got: None
    got: list[Got] = field(default_factory=list)
    open: int = 0
    most_open: int = 0
    held: asyncio.Event | None = None
    """Requests wait for it, where it is there."""

    def __post_init__(self) -> None:
        self._bytes = _pcm(self.audio).tobytes()

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.post("/v1/audio/{route}")
        async def answer(route: str, request: Request) -> Response:
            self.open += 1
            self.most_open = max(self.most_open, self.open)
            try:
                return await self._answer(route, request)
            finally:
                self.open -= 1

        return app

    async def _answer(self, route: str, request: Request) -> Response:
        body = await request.body()
        if request.headers.get("authorization") != f"Bearer {KEY}":
            said = f"Incorrect API key provided: {request.headers.get('authorization', '')}"
            return problem(401, said, code="invalid_api_key")
        if self.faults:
            return await self.faults.pop(0)(request)
        _, options = parse_options_header(request.headers["content-type"])
        got = Got(route, {}, 0, [])
        limits = {"spool_limit": len(body), "memory_limit": 2 * len(body)}
        for part in MultipartParser(io.BytesIO(body), options["boundary"], content_length=len(body), **limits):
            if part.name == "file":
                got.size_bytes, got.pieces = part.size, self._found(decode_flac(part.raw))
            else:
                got.fields.setdefault(part.name.removesuffix("[]"), []).append(part.value)
        if self.held is not None:
            await self.held.wait()
        fault = self.fault_of(got)
        if fault is not None:
            return await fault(request)
        self.got.append(got)
        return JSONResponse(self._document(got))

    def _found(self, sent: NDArray[np.float32]) -> list[tuple[float, float]]:
        """Where in the recording each stretch of ``sent`` is."""
        pcm, pieces = _pcm(sent), []
        original = _pcm(self.audio)
        at = 0
        while at < pcm.size:
            place = self._bytes.find(pcm[at : at + SHORTEST_PIECE].tobytes())
            while place % 2:
                place = self._bytes.find(pcm[at : at + SHORTEST_PIECE].tobytes(), place + 1)
            assert place >= 0, "this is not of the recording"
            start = place // 2
            room = min(pcm.size - at, original.size - start)
            differs = np.flatnonzero(pcm[at : at + room] != original[start : start + room])
            length = int(differs[0]) if differs.size else room
            pieces.append((start / SAMPLE_RATE_HZ, (start + length) / SAMPLE_RATE_HZ))
            at += length
        return pieces

    def _document(self, got: Got) -> dict[str, Any]:
        heard = list(_heard(self.words, got.pieces))
        text = " ".join(text for text, _, _ in heard)
        if got["response_format"] != "verbose_json":
            document: dict[str, Any] = {"text": text, "usage": {"type": "tokens"}}
            if "logprobs" in got.fields.get("include", []):
                document["logprobs"] = [{"token": f" {text}", "logprob": -0.25, "bytes": []} for text, _, _ in heard]
            return document
        groups = [heard[at : at + SEGMENT_WORDS] for at in range(0, len(heard), SEGMENT_WORDS)]
        document = {"task": got.route, "language": self.language, "text": text}
        document["segments"] = [
            {
                "id": index,
                "start": group[0][1],
                "end": group[-1][2],
                "text": "".join(f" {text}" for text, _, _ in group),
                "avg_logprob": -0.1,
                "no_speech_prob": 0.01,
                "compression_ratio": 1.1,
            }
            for index, group in enumerate(groups)
        ]
        if "word" in got.fields.get("timestamp_granularities", []):
            document["words"] = [
                {"word": text.strip(".,") if self.bare else text, "start": start_s, "end": end_s}
                for text, start_s, end_s in heard
            ]
        return document


def _heard(
    words: Sequence[Spoken], pieces: Sequence[tuple[float, float]]
) -> AsyncIterator[tuple[str, float, float]] | Any:
    """(text, start, end) of words whose middle was sent, in seconds of the upload."""
    begins_s = 0.0
    for low_s, high_s in pieces:
        for word in words:
            if low_s <= (word.start_s + word.end_s) / 2 < high_s:
                start_s, end_s = max(word.start_s, low_s), min(word.end_s, high_s)
                yield word.text, round(begins_s + start_s - low_s, 3), round(begins_s + end_s - low_s, 3)
        begins_s += high_s - low_s


def _pcm(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    return np.clip(np.rint(samples * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype("<i2")


def problem(
    status: int, message: str, *, code: str | None = None, param: str | None = None, **headers: str
) -> Response:
    """An error as OpenAI writes it."""
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return JSONResponse({"error": error}, status, {name.replace("_", "-"): value for name, value in headers.items()})


def refusing(status: int, message: str = "No.", **how: Any) -> Fault:
    async def fault(_request: Request) -> Response:
        return problem(status, message, **how)

    return fault


def saying(content: str, media_type: str = "application/json") -> Fault:
    """200 with something else than a transcript."""

    async def fault(_request: Request) -> Response:
        return Response(content, media_type=media_type)

    return fault


async def cut_off(_request: Request) -> Response:
    """The connection ends in the middle of the answer."""

    async def half() -> AsyncIterator[bytes]:
        yield b'{"text": "'
        raise ConnectionResetError

    return StreamingResponse(half(), headers={"content-length": "1000"}, media_type="application/json")


async def silence(_request: Request) -> Response:
    """No answer."""
    await asyncio.sleep(60)
    return Response()


@contextlib.asynccontextmanager
async def endpoint(audio: NDArray[np.float32], words: Sequence[Spoken], **how: Any) -> AsyncIterator[Endpoint]:
    there = Endpoint(audio, words, **how)
    async with serve(there.app()) as url:
        there.url = f"{url}/v1"
        yield there
