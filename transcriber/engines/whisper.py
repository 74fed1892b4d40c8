"""Whisper on torch, with openai-whisper's own modules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import whisper
from numpy.typing import NDArray
from whisper.audio import N_FRAMES, N_SAMPLES, log_mel_spectrogram, pad_or_trim
from whisper.decoding import DecodingOptions
from whisper.model import ModelDimensions, Whisper
from whisper.timing import find_alignment
from whisper.tokenizer import LANGUAGES, Tokenizer, get_tokenizer

from polyvox.errors import Invalid
from transcriber.engines import ct2_checkpoint
from transcriber.engines.windowed import Hypothesis, Task
from transcriber.words import Aligned

BEAMS = 5
BEST_OF = 5
FRAMES_PER_S = 100


class WhisperModel:
    """A WindowModel from OpenAI's checkpoint (a folder with a .pt file) or a CTranslate2 folder.

    float32 on CPU, float16 on a GPU.
    """

    def __init__(self, folder: Path, *, device: str = "auto", threads: int = 0) -> None:
        if threads:
            torch.set_num_threads(threads)
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        self._dtype = torch.float32 if device == "cpu" else torch.float16
        self._model = load_model(folder).to(device=device).eval()
        # The weights stay float32: openai-whisper's layers cast them to the type of their input.
        self._features = _FromFeatures(self._model)
        self.multilingual = bool(self._model.is_multilingual)
        codes = list(LANGUAGES)[: self._model.num_languages] if self.multilingual else ["en"]
        self.languages = frozenset(codes)
        self.first_special_token = int(self._tokenizer(Task("en", "transcribe", None)).eot)

    def encode(self, audio: NDArray[np.float32]) -> Any:
        """See WindowModel. Gives features of shape (1, 1500, width)."""
        samples = pad_or_trim(torch.from_numpy(np.ascontiguousarray(audio)), N_SAMPLES)
        mel = log_mel_spectrogram(samples.to(self._model.device), self._model.dims.n_mels)
        with torch.inference_mode():
            return self._model.encoder(mel[None].to(self._dtype))

    def language_probabilities(self, heard: Any) -> dict[str, float]:
        """See WindowModel."""
        _, probabilities = whisper.detect_language(self._model, heard)
        return {language: float(probability) for language, probability in probabilities[0].items()}

    def generate(self, heard: Any, task: Task, temperature: float) -> Hypothesis:
        """See WindowModel."""
        options = DecodingOptions(
            task=task.task,
            language=task.language,
            temperature=temperature,
            beam_size=None if temperature else BEAMS,
            best_of=BEST_OF if temperature else None,
            prompt=task.prompt or None,
            fp16=self._dtype == torch.float16,
        )
        result = whisper.decode(self._model, heard, options)[0]
        return Hypothesis(list(result.tokens), result.text, float(result.avg_logprob), float(result.no_speech_prob))

    def align(self, heard: Any, task: Task, text_tokens: list[int], duration_s: float) -> list[Aligned]:
        """See WindowModel."""
        frames = min(round(duration_s * FRAMES_PER_S), N_FRAMES)
        words = find_alignment(self._features, self._tokenizer(task), text_tokens, heard[0], frames)
        return [Aligned(w.word, float(w.start), float(w.end), float(w.probability), len(w.tokens)) for w in words]

    def seed(self, seed: int) -> None:
        """See WindowModel."""
        torch.manual_seed(seed)

    def _tokenizer(self, task: Task) -> Tokenizer:
        return get_tokenizer(
            self.multilingual, num_languages=self._model.num_languages, language=task.language, task=task.task
        )


class _FromFeatures:
    """The model as whisper.timing sees it, given features that are encoded already instead of a spectrogram."""

    def __init__(self, model: Whisper) -> None:
        self.dims = model.dims
        self.device = model.device
        self.decoder = model.decoder
        self.alignment_heads = model.alignment_heads

    def __call__(self, features: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        return self.decoder(tokens, features)


def load_model(folder: Path) -> Whisper:
    """Build the model from what is in ``folder``.

    Raises:
        Invalid: there are no weights that openai-whisper can use.
    """
    checkpoints = sorted(folder.glob("*.pt"))
    if checkpoints:
        return whisper.load_model(str(checkpoints[0]), device="cpu")
    if not (folder / "model.bin").is_file():
        raise Invalid(f"there are no Whisper weights in {folder}", code="bad-weights")
    tensors = ct2_checkpoint.read_tensors(folder / "model.bin")
    model = Whisper(ModelDimensions(**ct2_checkpoint.dimensions(tensors)))
    state = {name: torch.from_numpy(np.array(tensor)) for name, tensor in ct2_checkpoint.state_dict(tensors).items()}
    model.load_state_dict(state)
    heads = ct2_checkpoint.alignment_heads(folder)
    if heads:
        mask = torch.zeros(model.dims.n_text_layer, model.dims.n_text_head, dtype=torch.bool)
        for layer, head in heads:
            mask[layer, head] = True
        model.register_buffer("alignment_heads", mask.to_sparse(), persistent=False)
    return model
