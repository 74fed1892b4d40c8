"""A folder of transformers' Whisper: the same tensors as openai-whisper's under other names. Pure but for reading."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from polyvox.errors import Invalid

_WHOLE = {
    "encoder.positional_embedding": "model.encoder.embed_positions.weight",
    "decoder.positional_embedding": "model.decoder.embed_positions.weight",
    "decoder.token_embedding.weight": "model.decoder.embed_tokens.weight",
}
_PARTS = {
    "blocks": "layers",
    "ln": "layer_norm",
    "ln_post": "layer_norm",
    "attn": "self_attn",
    "attn_ln": "self_attn_layer_norm",
    "cross_attn": "encoder_attn",
    "cross_attn_ln": "encoder_attn_layer_norm",
    "mlp_ln": "final_layer_norm",
    "query": "q_proj",
    "key": "k_proj",
    "value": "v_proj",
    "out": "out_proj",
}
_DIMENSIONS = {
    "n_mels": "num_mel_bins",
    "n_audio_ctx": "max_source_positions",
    "n_audio_state": "d_model",
    "n_audio_head": "encoder_attention_heads",
    "n_audio_layer": "encoder_layers",
    "n_vocab": "vocab_size",
    "n_text_ctx": "max_target_positions",
    "n_text_state": "d_model",
    "n_text_head": "decoder_attention_heads",
    "n_text_layer": "decoder_layers",
}


def theirs(name: str) -> str:
    """What transformers calls the tensor that openai-whisper calls ``name``."""
    if name in _WHOLE:
        return _WHOLE[name]
    named = ".".join(_PARTS.get(part, part) for part in name.split("."))
    return "model." + named.replace("mlp.0", "fc1").replace("mlp.2", "fc2")


def is_transformers(folder: Path) -> bool:
    """Whether the folder holds what transformers saves."""
    return (folder / "config.json").is_file() and bool(_weight_files(folder))


def config_of(folder: Path) -> dict[str, Any]:
    """Raises Invalid: not that of a Whisper model."""
    try:
        config = json.loads((folder / "config.json").read_text())
    except ValueError as error:
        raise Invalid(f"{folder / 'config.json'} is damaged: {error}", code="bad-weights") from error
    if not isinstance(config, dict) or config.get("model_type") != "whisper":
        raise Invalid(f"{folder} holds no Whisper model", code="bad-weights")
    return config


def dimensions(config: dict[str, Any]) -> dict[str, int]:
    """Arguments of ``whisper.model.ModelDimensions``. Raises Invalid: the config lacks one."""
    lacking = [key for key in _DIMENSIONS.values() if not isinstance(config.get(key), int)]
    if lacking:
        raise Invalid(f"config.json lacks {', '.join(lacking)}", code="bad-weights")
    return {ours: int(config[key]) for ours, key in _DIMENSIONS.items()}


def config_values(dims: Mapping[str, int]) -> dict[str, int]:
    """The way back: what a config of transformers says of these dimensions."""
    widths = {"encoder_ffn_dim": 4 * dims["n_audio_state"], "decoder_ffn_dim": 4 * dims["n_text_state"]}
    return {**{key: dims[ours] for ours, key in _DIMENSIONS.items()}, **widths}


def alignment_heads(folder: Path) -> list[tuple[int, int]]:
    """(layer, head) of the cross-attention heads that follow time; [] where the folder does not say."""
    path = folder / "generation_config.json"
    told = json.loads(path.read_text()).get("alignment_heads") if path.is_file() else None
    return [(int(layer), int(head)) for layer, head in told or []]


def state_dict(folder: Path, names: list[str]) -> dict[str, Any]:
    """Tensors (torch's) under openai-whisper's ``names``, in their own precision.

    Raises:
        Invalid: one is not there, or a file is damaged.
    """
    found = _tensors(folder)
    if not any(name.startswith("model.") for name in found):
        # A model that was saved without the layer over it, which only repeats the embedding.
        found = {f"model.{name}": tensor for name, tensor in found.items()}
    lacking = [theirs(name) for name in names if theirs(name) not in found]
    if lacking:
        raise Invalid(f"{folder} lacks {len(lacking)} tensors, {lacking[0]} among them", code="bad-weights")
    return {name: found[theirs(name)] for name in names}


def _weight_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("model*.safetensors")) or sorted(folder.glob("pytorch_model*.bin"))


def _tensors(folder: Path) -> dict[str, Any]:
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    found: dict[str, Any] = {}
    for path in _weight_files(folder):
        try:
            if path.suffix == ".safetensors":
                found.update(load_file(path))
            else:
                found.update(torch.load(path, map_location="cpu", weights_only=True))
        except (SafetensorError, RuntimeError, ValueError, OSError) as error:
            raise Invalid(f"{path} is damaged: {error}", code="bad-weights") from error
    return found
