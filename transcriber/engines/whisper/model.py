"""One loaded checkpoint: encoder, decoder, vocabulary."""

from __future__ import annotations

import gc
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from whisper.model import Whisper
from whisper.tokenizer import LANGUAGES, Tokenizer, get_tokenizer

from polyvox.errors import Invalid
from transcriber.engines.freed import give_back_freed
from transcriber.engines.memory import Room, Sizes, fraction, room, sizes, whole
from transcriber.engines.whisper.caches import Tokens
from transcriber.engines.whisper.checkpoint import load_model
from transcriber.engines.whisper.decoder import Decoder
from transcriber.engines.whisper.encoder import Encoder
from transcriber.engines.whisper.linear import LinearMaker, Precision, choose_precision
from transcriber.engines.whisper.rules import Vocabulary

BEAMS_ON_CPU = 5
BEAMS_ON_GPU = 1
ROWS_ON_CPU = 16
SEARCHED_ON_CPU = 8
"""Windows at once when several hypotheses of each are followed: with some three each they fill a CPU's tiles."""

ROWS_ON_GPU = 64
ENCODED_AT_ONCE_ON_GPU = 16


class WhisperModel:
    """A checkpoint on a device, with room for ``rows`` sequences at once.

    Args:
        source: where the weights are (see load_model), or what holds them.
        precision: None takes the fastest the device has.
        rows: None takes what suits the device.
        beams: hypotheses of each window that are followed at once; 1 is greedy, 0 what suits the device.
        memory_bytes: what it may take of a GPU, for which ``rows`` may become fewer; None is all there is.

    Raises:
        Invalid: it does not fit into so much memory.
    """

    def __init__(
        self,
        source: Path | Whisper,
        *,
        device: str = "auto",
        threads: int = 0,
        precision: Precision | None = None,
        rows: int | None = None,
        beams: int = 1,
        memory_bytes: int | None = None,
    ) -> None:
        if threads:
            _use_threads(threads)
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        self.device = device
        beams = beams or (BEAMS_ON_CPU if device == "cpu" else BEAMS_ON_GPU)
        self.beams = beams
        linear = LinearMaker(precision or choose_precision(device), device)
        on_cpu = ROWS_ON_CPU if beams == 1 else SEARCHED_ON_CPU
        wanted = Room(rows or on_cpu, 1) if device == "cpu" else Room(rows or ROWS_ON_GPU, ENCODED_AT_ONCE_ON_GPU)
        if device != "cpu" and memory_bytes is not None:
            _bound(device, memory_bytes)
        with torch.inference_mode():
            own = isinstance(source, Path)
            source = load_model(source) if isinstance(source, Path) else source
            taken = _room(source, wanted, linear, beams, None if device == "cpu" else memory_bytes)
            self.rows, self._at_once = taken.windows, taken.encoded
            self.memory_bytes = whole(_sizes(source, linear, beams), taken)
            """What it takes of its device, as far as its dimensions tell."""
            self.encoder = Encoder(source, linear)
            if own:
                # What is built already need not be there twice while the rest is.
                del source.encoder
            self.decoder = Decoder(source, linear, rows=self.rows * beams, slots=self.rows)
        self.multilingual = bool(source.is_multilingual)
        self._num_languages = int(source.num_languages)
        del source
        give_back_freed()
        codes = list(LANGUAGES)[: self._num_languages] if self.multilingual else ["en"]
        self.languages = frozenset(codes)
        self.tokenizer = cache(self._tokenizer)
        self.vocabulary = Vocabulary.of(self.tokenizer("en", "transcribe"), device)
        self.generator = torch.Generator(device)

    @torch.inference_mode()
    def encode(self, audio: NDArray[np.float32]) -> Tensor:
        """Features (positions, width) of at most 30 s of mono 16 kHz audio."""
        return self.encode_many([audio])[0]

    @torch.inference_mode()
    def encode_many(self, audios: list[NDArray[np.float32]]) -> list[Tensor]:
        """As ``encode``; what takes the same number of positions goes through together."""
        positions = [self.encoder.positions_for(audio.size / 16_000) for audio in audios]
        features: list[Tensor | None] = [None] * len(audios)
        for length in sorted(set(positions)):
            same = [index for index, found in enumerate(positions) if found == length]
            for first in range(0, len(same), self._at_once):
                chunk = same[first : first + self._at_once]
                mels = torch.stack([self.encoder.spectrogram(audios[index], length) for index in chunk])
                for index, encoded in zip(chunk, self.encoder(mels), strict=True):
                    features[index] = encoded
        return [found for found in features if found is not None]

    @torch.inference_mode()
    def language_probabilities(self, slot: int) -> dict[str, float]:
        """How likely each language is for the audio in ``slot``; its rows must be free."""
        if not self.multilingual:
            return {"en": 1.0}
        tokenizer = self.tokenizer("en", "transcribe")
        at, none = np.array([slot]), np.array([-1])
        tokens = Tokens(np.array([tokenizer.sot]), at * self.beams, at, np.array([0]), none)
        logits = self.decoder.step(tokens, np.array([0]))[0]
        chances = logits[list(tokenizer.all_language_tokens)].softmax(-1).tolist()
        return dict(zip(tokenizer.all_language_codes, chances, strict=True))

    def _tokenizer(self, language: str, task: str) -> Tokenizer:
        return get_tokenizer(self.multilingual, num_languages=self._num_languages, language=language, task=task)


def _sizes(source: Whisper, linear: LinearMaker, beams: int) -> Sizes:
    heads = int(source.alignment_heads.to_dense().sum())
    return sizes(vars(source.dims), heads_recorded=heads, beams=beams, bytes_each=linear.dtype.itemsize)


def _room(source: Whisper, wanted: Room, linear: LinearMaker, beams: int, memory_bytes: int | None) -> Room:
    found = room(_sizes(source, linear, beams), memory_bytes, wanted=wanted)
    if found is None:
        raise Invalid(
            f"this model does not fit into {(memory_bytes or 0) / (1 << 30):.1f} GiB of the GPU's memory: choose a "
            "smaller one, or raise POLYVOX_TRANSCRIBER_GPU_MEMORY_GIB",
            code="model-too-large",
        )
    return found


def _bound(device: str, memory_bytes: int) -> None:
    """Let this process take no more of the device than that, and give back what models that are gone have left."""
    gc.collect()
    torch.cuda.empty_cache()
    every_bytes = torch.cuda.get_device_properties(device).total_memory
    torch.cuda.set_per_process_memory_fraction(fraction(memory_bytes, every_bytes), device)


def _use_threads(threads: int) -> None:
    import numba

    torch.set_num_threads(threads)
    numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
