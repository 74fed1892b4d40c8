"""Weights from a folder into openai-whisper's module, from which everything here is built."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import whisper
from whisper.model import ModelDimensions, Whisper

from polyvox.errors import Invalid
from transcriber.engines import ct2_checkpoint


def load_model(folder: Path) -> Whisper:
    """Build the model from what is in ``folder``: OpenAI's .pt file or a CTranslate2 model.bin. float32, on the CPU.

    Raises:
        Invalid: there are no weights that openai-whisper can use.
    """
    checkpoints = sorted(folder.glob("*.pt"))
    if checkpoints:
        return whisper.load_model(str(checkpoints[0]), device="cpu").float().eval()
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
    return model.float().eval()
