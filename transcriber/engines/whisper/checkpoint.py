"""Weights of any kind into openai-whisper's module, from which everything here is built."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch
import whisper
from torch import Tensor
from torch.overrides import TorchFunctionMode
from whisper.model import ModelDimensions, Whisper

from polyvox.errors import Invalid
from transcriber.engines import ct2_checkpoint, hf_checkpoint

VOCABULARIES = (51864, 51865, 51866)
"""English only, multilingual, multilingual with Cantonese: whose tokens are known here."""


def load_model(place: Path) -> Whisper:
    """Build the model from what is in ``place``, on the CPU, in the precision of its file.

    Weights stay in the file until they are read, which must not be written to meanwhile.

    Args:
        place: a checkpoint of OpenAI's kind, also a fine-tuned one (a .pt file, or a folder with one), a folder of
            CTranslate2 (model.bin) or one of transformers (config.json, model.safetensors).

    Raises:
        Invalid: there are no weights that openai-whisper can use.
    """
    checkpoints = [place] if place.is_file() else sorted(place.glob("*.pt"))
    if checkpoints:
        model = _from_openai(checkpoints[0])
    elif (place / "model.bin").is_file():
        model = _from_ctranslate2(place)
    elif hf_checkpoint.is_transformers(place):
        model = _from_transformers(place)
    else:
        raise Invalid(f"there are no Whisper weights in {place}", code="bad-weights")
    return model.eval()


def _from_openai(path: Path) -> Whisper:
    """As ``whisper.load_model``, which does not know whose heads follow time in a checkpoint of somebody's own."""
    try:
        # Checkpoints of the first versions of PyTorch are no archives, which alone can stay in the file.
        kept = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
        dims, state = kept["dims"], kept["model_state_dict"]
    except (pickle.UnpicklingError, RuntimeError, KeyError, TypeError, EOFError) as error:
        raise Invalid(f"{path} is no checkpoint of Whisper: {error}", code="bad-weights") from error
    return _filled(_empty(dims), state, [])


def _from_ctranslate2(folder: Path) -> Whisper:
    tensors = ct2_checkpoint.read_tensors(folder / "model.bin")
    state = {name: torch.from_numpy(tensor) for name, tensor in ct2_checkpoint.state_dict(tensors).items()}
    return _filled(_empty(ct2_checkpoint.dimensions(tensors)), state, ct2_checkpoint.alignment_heads(folder))


def _from_transformers(folder: Path) -> Whisper:
    dims = hf_checkpoint.dimensions(hf_checkpoint.config_of(folder))
    model = _empty(dims)
    state = hf_checkpoint.state_dict(folder, list(model.state_dict()))
    return _filled(model, state, hf_checkpoint.alignment_heads(folder))


def _empty(dims: dict[str, int]) -> Whisper:
    if dims.get("n_vocab") not in VOCABULARIES:
        raise Invalid(f"a Whisper model with {dims.get('n_vocab')} tokens is not known here", code="bad-weights")
    try:
        with _Unfilled():
            return Whisper(ModelDimensions(**dims))
    except TypeError as error:
        raise Invalid(f"these are no dimensions of Whisper: {error}", code="bad-weights") from error


class _Unfilled(TorchFunctionMode):
    """Modules are built without random weights, which take longer than reading real ones, and as much memory."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in (torch.Tensor.uniform_, torch.Tensor.normal_, torch.nn.init.kaiming_uniform_):
            return args[0] if args else (kwargs or {})["tensor"]
        return func(*args, **(kwargs or {}))


def _filled(model: Whisper, state: dict[str, Tensor], heads: list[tuple[int, int]]) -> Whisper:
    """The model with these weights; ``heads`` that follow time, [] for those of the published model of its kind."""
    try:
        model.load_state_dict(state, assign=True)
    except RuntimeError as error:
        raise Invalid(f"these are no weights of Whisper: {error}", code="bad-weights") from error
    if heads:
        mask = torch.zeros(model.dims.n_text_layer, model.dims.n_text_head, dtype=torch.bool)
        for layer, head in heads:
            mask[layer, head] = True
        model.register_buffer("alignment_heads", mask.to_sparse(), persistent=False)
    elif (published := published_like(model.dims)) is not None:
        model.set_alignment_heads(whisper._ALIGNMENT_HEADS[published])
    return model


def published_like(dims: ModelDimensions) -> str | None:
    """The published model of which one with these dimensions was most likely tuned."""
    of_size = {
        (4, 6): "tiny",
        (6, 8): "base",
        (12, 12): "small",
        (24, 16): "medium",
        (32, 20): "large-v3" if dims.n_mels == 128 else "large-v2",
    }
    if (dims.n_text_layer, dims.n_audio_layer, dims.n_text_head) == (4, 32, 20):
        return "large-v3-turbo"
    size = of_size.get((dims.n_text_layer, dims.n_text_head))
    if size is None or dims.n_audio_layer != dims.n_text_layer:
        return None
    return f"{size}.en" if dims.n_vocab == VOCABULARIES[0] else size
