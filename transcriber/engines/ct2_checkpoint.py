"""An openai-whisper model out of a CTranslate2 folder: the same tensors under other names.

CTranslate2 keeps self-attention's query, key and value as one matrix, and cross-attention's
key and value; its keys have a bias, which is always zero and which openai-whisper leaves out.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyvox.errors import Invalid

Tensors = dict[str, NDArray[Any]]

BINARY_VERSION = 6
_DTYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
_OUTER = {
    "encoder/position_encodings/encodings": "encoder.positional_embedding",
    "encoder/layer_norm/gamma": "encoder.ln_post.weight",
    "encoder/layer_norm/beta": "encoder.ln_post.bias",
    "decoder/embeddings/weight": "decoder.token_embedding.weight",
    "decoder/position_encodings/encodings": "decoder.positional_embedding",
    "decoder/layer_norm/gamma": "decoder.ln.weight",
    "decoder/layer_norm/beta": "decoder.ln.bias",
    **{f"encoder/conv{n}/{kind}": f"encoder.conv{n}.{kind}" for n in (1, 2) for kind in ("weight", "bias")},
}
_SETTINGS = ("decoder/num_heads", "encoder/num_heads")


def read_tensors(path: Path) -> Tensors:
    """All variables of a ``model.bin``, mapped from the file, not copied; what is written to them stays here.

    Raises:
        Invalid: not a CTranslate2 Whisper model of a version this reads.
    """
    raw: memoryview = np.memmap(path, np.uint8, mode="c").data
    at = 0

    def number(form: str) -> int:
        nonlocal at
        (value,) = struct.unpack_from(form, raw, at)
        at += struct.calcsize(form)
        return int(value)

    def text() -> str:
        nonlocal at
        size = number("<H")
        value = bytes(raw[at : at + size - 1]).decode()
        at += size
        return value

    try:
        version, spec = number("<I"), text()
        if version != BINARY_VERSION or spec != "WhisperSpec":
            raise Invalid(f"{path} is not a CTranslate2 Whisper model of version {BINARY_VERSION}", code="bad-weights")
        number("<I")
        tensors: Tensors = {}
        for _ in range(number("<I")):
            name = text()
            shape = [number("<I") for _ in range(number("<B"))]
            dtype = _DTYPES[number("<B")]
            size = number("<I")
            tensors[name] = np.frombuffer(raw[at : at + size], dtype).reshape(shape)
            at += size
    except (struct.error, KeyError, ValueError) as error:
        raise Invalid(f"{path} is damaged: {error}", code="bad-weights") from error
    return tensors


def dimensions(tensors: Tensors) -> dict[str, int]:
    """Arguments of ``whisper.model.ModelDimensions``."""
    n_vocab, n_text_state = tensors["decoder/embeddings/weight"].shape
    n_audio_state, n_mels, _ = tensors["encoder/conv1/weight"].shape
    return {
        "n_mels": n_mels,
        "n_audio_ctx": tensors["encoder/position_encodings/encodings"].shape[0],
        "n_audio_state": n_audio_state,
        "n_audio_head": int(tensors["encoder/num_heads"]),
        "n_audio_layer": _layers(tensors, "encoder"),
        "n_vocab": n_vocab,
        "n_text_ctx": tensors["decoder/position_encodings/encodings"].shape[0],
        "n_text_state": n_text_state,
        "n_text_head": int(tensors["decoder/num_heads"]),
        "n_text_layer": _layers(tensors, "decoder"),
    }


def state_dict(tensors: Tensors) -> Tensors:
    """The tensors under openai-whisper's names, in their own precision.

    Raises:
        Invalid: the folder is quantised, so that it lacks the weights themselves.
    """
    if any(name.endswith("weight_scale") for name in tensors):
        raise Invalid("this CTranslate2 folder is quantised; take one in float16 or float32", code="bad-weights")
    renamed = {theirs: tensors[ours] for ours, theirs in _OUTER.items()}
    for side in ("encoder", "decoder"):
        for layer in range(_layers(tensors, side)):
            renamed.update(_block(tensors, side, layer))
    return renamed


def variables(state: Tensors) -> Tensors:
    """The way back: openai-whisper's tensors under CTranslate2's names, without what both would hold twice."""
    named = {ours: state[theirs] for ours, theirs in _OUTER.items()}
    for side in ("encoder", "decoder"):
        blocks = {int(name.split(".")[2]) for name in state if name.startswith(f"{side}.blocks.")}
        for layer in blocks:
            named.update(_variables(state, side, layer))
    return named


def alignment_heads(folder: Path) -> list[tuple[int, int]]:
    """(layer, head) of the cross-attention heads that follow time; [] where the folder does not say."""
    config = json.loads((folder / "config.json").read_text())
    return [(int(layer), int(head)) for layer, head in config.get("alignment_heads", [])]


def _layers(tensors: Tensors, side: str) -> int:
    return len({name.split("/")[1] for name in tensors if name.startswith(f"{side}/layer_") and name.count("/") > 2})


def _linears(side: str) -> dict[str, tuple[str, ...]]:
    """Linear layers of a block of the encoder or decoder: CTranslate2's, and which of openai-whisper's it joins."""
    heard = {
        "attention/linear_0": ("cross_attn.query",),
        "attention/linear_1": ("cross_attn.key", "cross_attn.value"),
        "attention/linear_2": ("cross_attn.out",),
    }
    return {
        "self_attention/linear_0": ("attn.query", "attn.key", "attn.value"),
        "self_attention/linear_1": ("attn.out",),
        **(heard if side == "decoder" else {}),
        "ffn/linear_0": ("mlp.0",),
        "ffn/linear_1": ("mlp.2",),
    }


def _norms(side: str) -> dict[str, str]:
    """Layer norms of a block, by the layers that CTranslate2 has them with."""
    heard = {"attention": "cross_attn_ln"} if side == "decoder" else {}
    return {"self_attention": "attn_ln", **heard, "ffn": "mlp_ln"}


def _block(tensors: Tensors, side: str, layer: int) -> Iterator[tuple[str, NDArray[Any]]]:
    source, target = f"{side}/layer_{layer}", f"{side}.blocks.{layer}"
    for name, parts in _linears(side).items():
        for kind in ("weight", "bias"):
            for part, tensor in zip(parts, np.split(tensors[f"{source}/{name}/{kind}"], len(parts)), strict=True):
                if not (part.endswith("key") and kind == "bias"):
                    yield f"{target}.{part}.{kind}", tensor
    for name, part in _norms(side).items():
        yield f"{target}.{part}.weight", tensors[f"{source}/{name}/layer_norm/gamma"]
        yield f"{target}.{part}.bias", tensors[f"{source}/{name}/layer_norm/beta"]


def _variables(state: Tensors, side: str, layer: int) -> Iterator[tuple[str, NDArray[Any]]]:
    source, target = f"{side}.blocks.{layer}", f"{side}/layer_{layer}"
    for name, parts in _linears(side).items():
        weights = [state[f"{source}.{part}.weight"] for part in parts]
        biases = [
            state.get(f"{source}.{part}.bias", np.zeros(len(weight), weight.dtype))
            for part, weight in zip(parts, weights, strict=True)
        ]
        yield f"{target}/{name}/weight", np.concatenate(weights)
        yield f"{target}/{name}/bias", np.concatenate(biases)
    for name, part in _norms(side).items():
        yield f"{target}/{name}/layer_norm/gamma", state[f"{source}.{part}.weight"]
        yield f"{target}/{name}/layer_norm/beta", state[f"{source}.{part}.bias"]
