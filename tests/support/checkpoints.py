"""Whisper's weights written as others write them: openai-whisper's checkpoint, transformers' folder."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from whisper.model import Whisper

from transcriber.engines.hf_checkpoint import config_values, theirs


def write_openai(model: Whisper, path: Path) -> Path:
    """As fine-tuning with openai-whisper's own module leaves it."""
    state = {name: tensor.half() for name, tensor in model.state_dict().items()}
    torch.save({"dims": vars(model.dims), "model_state_dict": state}, path)
    return path


def write_transformers(model: Whisper, folder: Path) -> Path:
    """As transformers' ``save_pretrained`` leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {"model_type": "whisper", "architectures": ["WhisperForConditionalGeneration"]}
    (folder / "config.json").write_text(json.dumps({**config, **config_values(vars(model.dims))}))
    heads = model.alignment_heads.to_dense().nonzero().tolist()
    (folder / "generation_config.json").write_text(json.dumps({"alignment_heads": heads}))
    state = {theirs(name): tensor.half().contiguous() for name, tensor in model.state_dict().items()}
    save_file(state, folder / "model.safetensors")
    return folder
