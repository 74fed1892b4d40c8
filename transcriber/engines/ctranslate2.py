"""Whisper on CTranslate2, faster-whisper's runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.audio import pad_or_trim
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import get_suppressed_tokens
from numpy.typing import NDArray

from transcriber.engines.belief import loops
from transcriber.engines.windowed import Hypothesis, Task
from transcriber.words import Aligned

BEAMS = 5
BEST_OF = 5
MAX_INITIAL_TIMESTAMP_S = 1.0


class CTranslate2Model:
    """A WindowModel from a CTranslate2 folder.

    Args:
        compute_type: a CTranslate2 type such as int8 or float16; ``auto`` takes int8 on CPU
            and float16 on a GPU.
        beams: hypotheses that are followed at once; 1 is greedy.
    """

    def __init__(
        self, folder: Path, *, device: str = "auto", threads: int = 0, compute_type: str = "auto", beams: int = BEAMS
    ) -> None:
        device, _, index = _device(device).partition(":")
        if compute_type == "auto":
            compute_type = "int8" if device == "cpu" else "float16"
        self._whisper = WhisperModel(
            str(folder),
            device=device,
            device_index=int(index or 0),
            compute_type=compute_type,
            cpu_threads=threads,
            local_files_only=True,
        )
        self._beams = beams
        self._model = self._whisper.model
        self.multilingual = bool(self._model.is_multilingual)
        # faster-whisper lists what any Whisper knows; the vocabulary tells what this one does.
        known = self._whisper.hf_tokenizer
        self.languages = frozenset(
            code for code in self._whisper.supported_languages if known.token_to_id(f"<|{code}|>") is not None
        )
        self.first_special_token = self._tokenizer(Task("en", "transcribe", None)).eot

    def encode(self, audio: NDArray[np.float32]) -> Any:
        """See WindowModel. Silence fills up to 30 s before the spectrogram, as in Whisper's training."""
        extract = self._whisper.feature_extractor
        features = extract(np.pad(audio, (0, max(extract.n_samples - audio.size, 0))), padding=0)
        return self._whisper.encode(pad_or_trim(features, extract.nb_max_frames))

    def language_probabilities(self, heard: Any) -> dict[str, float]:
        """See WindowModel."""
        return {token[2:-2]: probability for token, probability in self._model.detect_language(heard)[0]}

    def generate(self, heard: Any, task: Task, temperature: float) -> Hypothesis:
        """See WindowModel."""
        tokenizer = self._tokenizer(task)
        previous = tokenizer.encode(" " + task.prompt.strip()) if task.prompt else []
        if temperature:
            search = {
                "beam_size": 1,
                "num_hypotheses": BEST_OF,
                "sampling_topk": 0,
                "sampling_temperature": temperature,
            }
        else:
            search = {"beam_size": self._beams}
        result = self._model.generate(
            heard,
            [self._whisper.get_prompt(tokenizer, previous)],
            max_length=self._whisper.max_length,
            return_scores=True,
            return_no_speech_prob=True,
            suppress_blank=True,
            suppress_tokens=get_suppressed_tokens(tokenizer, [-1]),
            max_initial_timestamp_index=round(MAX_INITIAL_TIMESTAMP_S / self._whisper.time_precision),
            **search,
        )[0]
        tokens = list(result.sequences_ids[0])
        # The score is the mean over the tokens without the end token, which the thresholds count in.
        mean_logprob = result.scores[0] * len(tokens) / (len(tokens) + 1)
        looping = loops([token for token in tokens if token < self.first_special_token])
        return Hypothesis(tokens, tokenizer.decode(tokens).strip(), mean_logprob, result.no_speech_prob, looping)

    def align(self, heard: Any, task: Task, text_tokens: list[int], duration_s: float) -> list[Aligned]:
        """See WindowModel."""
        frames = min(round(duration_s * self._whisper.frames_per_second), self._whisper.feature_extractor.nb_max_frames)
        words = self._whisper.find_alignment(self._tokenizer(task), [text_tokens], heard, frames)[0]
        return [
            Aligned(w["word"], float(w["start"]), float(w["end"]), float(w["probability"]), len(w["tokens"]))
            for w in words
        ]

    def seed(self, seed: int) -> None:
        """See WindowModel."""
        ctranslate2.set_random_seed(seed)

    def _tokenizer(self, task: Task) -> Tokenizer:
        return Tokenizer(self._whisper.hf_tokenizer, self.multilingual, task=task.task, language=task.language)


def _device(device: str) -> str:
    if device != "auto":
        return device
    return "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
