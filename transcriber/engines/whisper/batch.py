"""Continuous batching: windows enter the batch as soon as others leave it, whoever's they are."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from transcriber.engines.belief import best, loops, next_temperature, unsure
from transcriber.engines.whisper.beams import Beams
from transcriber.engines.whisper.caches import Indices, Tokens
from transcriber.engines.whisper.hypothesis import Hypothesis
from transcriber.engines.whisper.model import WhisperModel
from transcriber.engines.whisper.rules import Grammar, choose, restrict
from transcriber.engines.whisper.selection import Written

LOOK_FOR_LOOPS_EVERY = 16


@dataclass(slots=True)
class Job:
    """A window to write down. ``owner`` is the caller's; ``features``: the audio, if it is encoded already."""

    audio: NDArray[np.float32]
    language: str
    task: str
    prompt: str | None
    owner: Any
    features: Tensor | None = None
    settle_language: Callable[[dict[str, float]], str] | None = None
    """Given, decides the window's language from what the model hears in it."""
    temperature: float = 0.0
    """The first that is tried."""
    timestamps: bool = False
    """Whether it writes timestamps among its words: then it says less well what is said, but stops less early."""
    tried: list[Hypothesis] = field(default_factory=list)


@dataclass(slots=True)
class _Row:
    """A sequence being written."""

    job: Job
    prompt: list[int]
    sot_at: int
    temperature: float
    heard: int
    """A number of its audio, for what is drawn."""
    no_speech_probability: float = 0.0


class Batch:
    """Writes jobs down, up to ``model.rows`` at once.

    Each has audio of its own and ``model.beams`` rows for its hypotheses; greedy decoding and sampling take the first.
    """

    def __init__(self, model: WhisperModel) -> None:
        self._model = model
        rows = model.rows * model.beams
        self._limit = model.decoder.shape.context // 2
        self._grammar = Grammar(rows)
        self._running: dict[int, _Row] = {}
        self._written = np.zeros((rows, self._limit + 1), np.int64)
        self._logprobs = np.zeros((rows, self._limit + 1), np.float32)
        self._count = np.zeros(rows, np.int64)
        self._base = np.zeros(rows, np.int64)
        self._temperatures = np.zeros(rows, np.float32)
        self._beams: Beams | None = None
        if model.beams > 1:
            written = Written(self._written, self._logprobs, self._count, self._base)
            self._beams = Beams(model.beams, written, self._grammar, model.vocabulary, model.decoder.caches)

    @torch.inference_mode()
    def run(self, next_jobs: Callable[[int], list[Job]], done: Callable[[Job, Hypothesis], None]) -> None:
        """Until ``next_jobs`` (up to so many) gives none and all are done. ``done`` may bring new ones about.

        Whatever was under way when an earlier call failed is forgotten.
        """
        self._running.clear()
        while True:
            entered = self._enter(next_jobs(self._model.rows - len(self._running)))
            if not self._running:
                return
            self._step(entered)
            for row in self._finished():
                self._leave(row, done)

    def _enter(self, jobs: list[Job]) -> list[int]:
        new = [job for job in jobs if job.features is None]
        for job, features in zip(new, self._model.encode_many([job.audio for job in new]), strict=True):
            job.features = features
        firsts = range(0, self._model.rows * self._model.beams, self._model.beams)
        free = (row for row in firsts if row not in self._running)
        entered = []
        for job, row in zip(jobs, list(free), strict=False):
            assert job.features is not None
            self._model.decoder.hear(row // self._model.beams, job.features)
            job.features = None
            if job.settle_language is not None:
                job.language = job.settle_language(self._model.language_probabilities(row // self._model.beams))
            self._start(row, job, job.temperature)
            entered.append(row)
        return entered

    def _start(self, row: int, job: Job, temperature: float) -> None:
        tokenizer = self._model.tokenizer(job.language, job.task)
        sot = tokenizer.sot_sequence if job.timestamps else tokenizer.sot_sequence_including_notimestamps
        before: list[int] = []
        if job.prompt:
            # Half of the context is the answer's, and its last place nobody's (see Buckets).
            room = self._limit - len(sot) - 2
            written = tokenizer.encode(" " + job.prompt.strip())[-room:]
            before = [tokenizer.sot_prev, *written]
        prompt = [*before, *sot]
        heard = zlib.crc32(job.audio.tobytes()) if temperature else 0
        self._running[row] = _Row(job, prompt, len(before), temperature, heard)
        self._grammar.start(row, timed=job.timestamps)
        self._count[row] = 0
        self._base[row] = len(prompt)
        self._temperatures[row] = temperature
        if self._beams is not None and not temperature:
            self._beams.start(row)

    def _step(self, entered: list[int]) -> None:
        """One more token for every sequence; those that ``entered`` read their prompts first."""
        fresh = set(entered) | {row for row in self._running if self._count[row] == 0}
        going = np.array(
            [row for first in sorted(self._running) if first not in fresh for row in self._rows(first)], int
        )
        ids = [self._written[going, self._count[going] - 1]]
        rows, positions = [going], [self._base[going] + self._count[going] - 1]
        columns = [self._count[going]]
        wanted, sot_at = list(range(len(going))), []
        at = len(going)
        order = [*going.tolist()]
        for row in sorted(fresh):
            prompt = self._running[row].prompt
            ids.append(np.array(prompt))
            rows.append(np.full(len(prompt), row))
            positions.append(np.arange(len(prompt)))
            columns.append(np.where(np.arange(len(prompt)) == len(prompt) - 1, 0, -1))
            sot_at.append(at + self._running[row].sot_at)
            wanted.append(at + len(prompt) - 1)
            order.append(row)
            at += len(prompt)
        every = np.concatenate(rows)
        slots = every // self._model.beams
        tokens = Tokens(np.concatenate(ids), every, slots, np.concatenate(positions), np.concatenate(columns))
        logits = self._model.decoder.step(tokens, np.array(wanted + sot_at))
        if fresh:
            self._note_silence(sorted(fresh), logits[len(wanted) :])
        self._take(np.array(order), logits[: len(wanted)])

    def _rows(self, first: int) -> list[int]:
        """In which rows the job that begins in ``first`` goes on."""
        return [first] if self._beams is None or self._temperatures[first] else self._beams.rows(first)

    def _note_silence(self, rows: list[int], logits: Tensor) -> None:
        token = self._model.tokenizer("en", "transcribe").no_speech
        for row, chance in zip(rows, logits.softmax(-1)[:, token].tolist(), strict=True):
            self._running[row].no_speech_probability = chance

    def _take(self, rows: Indices, logits: Tensor) -> None:
        vocabulary = self._model.vocabulary
        sums = restrict(logits, self._grammar, rows, vocabulary)
        if self._beams is not None:
            searched = self._beams.holds(rows)
            if searched.all():
                self._beams.take(rows, logits, sums)
                return
            if searched.any():
                at, others = (
                    torch.as_tensor(np.flatnonzero(one), device=logits.device) for one in (searched, ~searched)
                )
                self._beams.take(rows[searched], logits[at], sums[at])
                rows, logits, sums = rows[~searched], logits[others], sums[others]
        heat = self._temperatures[rows]
        seeds = [self._seed(row) for row in rows[heat > 0].tolist()]
        chosen, logprobs = choose(logits, sums, heat, seeds, self._model.generator)
        tokens = chosen.cpu().numpy()
        self._grammar.note(rows, tokens, vocabulary)
        self._written[rows, self._count[rows]] = tokens
        self._logprobs[rows, self._count[rows]] = logprobs.cpu().numpy()
        self._count[rows] += 1

    def _seed(self, row: int) -> int:
        """What is drawn for a window is the same again, whoever shares the batch."""
        drawn = f"{self._temperatures[row]} {self._count[row]}"
        return zlib.crc32(drawn.encode(), self._running[row].heard)

    def _finished(self) -> list[int]:
        rows = np.array(sorted(self._running), np.int64)
        last = self._written[rows, self._count[rows] - 1]
        over = (last == self._model.vocabulary.end) | (self._count[rows] > self._limit)
        if self._beams is not None:
            over |= np.array([self._beams.done(row) for row in rows.tolist()], np.bool_)
        looked_at = rows[~over & (self._count[rows] % LOOK_FOR_LOOPS_EVERY == 0)]
        return [*rows[over].tolist(), *(row for row in looked_at.tolist() if loops(self._text(row)))]

    def _text(self, row: int) -> list[int]:
        tokens = self._written[row, : self._count[row]]
        return [int(token) for token in tokens[tokens < self._model.vocabulary.end]]

    def _leave(self, row: int, done: Callable[[Job, Hypothesis], None]) -> None:
        running = self._running.pop(row)
        job = running.job
        job.tried.append(self._hypothesis(row, running))
        if not job.timestamps and len(job.tried) == 1 and unsure(job.tried[0]):
            job.timestamps = True
            self._start(row, job, job.temperature)
            return
        temperature = next_temperature(job.tried, job.temperature)
        if temperature is not None:
            self._start(row, job, temperature)
            return
        done(job, best(job.tried))
        job.tried.clear()

    def _hypothesis(self, row: int, running: _Row) -> Hypothesis:
        if self._beams is not None and not running.temperature:
            return self._searched(self._beams, row, running)
        count = int(self._count[row])
        tokens = self._written[row, :count].tolist()
        ended = tokens[-1] == self._model.vocabulary.end
        if ended:
            tokens.pop()
        tokenizer = self._model.tokenizer(running.job.language, running.job.task)
        return Hypothesis(
            tokens,
            self._logprobs[row, :count].copy(),
            tokenizer.decode(tokens).strip(),
            running.no_speech_probability,
            running.temperature,
            not ended and loops(self._text(row)),
            heard=self._model.decoder.caches.scores(np.full(count, row), row // self._model.beams),
        )

    def _searched(self, beams: Beams, row: int, running: _Row) -> Hypothesis:
        found = beams.leave(row)
        tokens = found.tokens[: len(found.tokens) - found.ended].tolist()
        tokenizer = self._model.tokenizer(running.job.language, running.job.task)
        return Hypothesis(
            tokens,
            found.logprobs,
            tokenizer.decode(tokens).strip(),
            running.no_speech_probability,
            running.temperature,
            not found.ended and loops([token for token in tokens if token < self._model.vocabulary.end]),
            heard=self._model.decoder.caches.scores(found.lineage, row // self._model.beams),
        )
