"""Whisper's weights written as others write them: openai-whisper's checkpoint, transformers' folder."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from whisper.model import Whisper
from whisper.tokenizer import get_tokenizer

from transcriber.engines.hf_checkpoint import config_values, theirs


def write_openai(model: Whisper, path: Path) -> Path:
    """As fine-tuning with openai-whisper's own module leaves it."""
    state = {name: tensor.half() for name, tensor in model.state_dict().items()}
    torch.save({"dims": vars(model.dims), "model_state_dict": state}, path)
    return path


def write_transformers(model: Whisper, folder: Path) -> Path:
    """As transformers' ``save_pretrained`` leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = get_tokenizer(model.is_multilingual, num_languages=model.num_languages, language="en")
    ends = dict.fromkeys(("eos_token_id", "bos_token_id", "pad_token_id"), tokenizer.eot)
    shared = {**ends, "decoder_start_token_id": tokenizer.sot}
    config = {"model_type": "whisper", "architectures": ["WhisperForConditionalGeneration"], **shared}
    (folder / "config.json").write_text(json.dumps({**config, **config_values(vars(model.dims))}))
    languages = zip(tokenizer.all_language_codes, tokenizer.all_language_tokens, strict=True)
    generation = {
        **shared,
        "alignment_heads": model.alignment_heads.to_dense().nonzero().tolist(),
        "is_multilingual": bool(model.is_multilingual),
        "lang_to_id": {f"<|{code}|>": token for code, token in languages},
        "task_to_id": {"transcribe": tokenizer.transcribe, "translate": tokenizer.translate},
        "no_timestamps_token_id": tokenizer.no_timestamps,
        "prev_sot_token_id": tokenizer.sot_prev,
        "max_initial_timestamp_index": 50,
        "begin_suppress_tokens": [220, tokenizer.eot],
        "suppress_tokens": list(tokenizer.non_speech_tokens),
        "max_length": int(model.dims.n_text_ctx),
    }
    (folder / "generation_config.json").write_text(json.dumps(generation))
    state = {theirs(name): tensor.half().contiguous() for name, tensor in model.state_dict().items()}
    save_file(state, folder / "model.safetensors")
    return folder
