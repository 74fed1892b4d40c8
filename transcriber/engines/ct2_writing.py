"""A CTranslate2 folder out of any Whisper weights, made once and kept: the way back of ct2_checkpoint."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from ctranslate2.specs.whisper_spec import WhisperSpec
from filelock import FileLock

from transcriber.engines import ct2_checkpoint, vocabulary


def as_ctranslate2(place: Path, kept_in: Path) -> Path:
    """The folder for CTranslate2 of the weights in ``place``: that itself if it is one, else one under ``kept_in``.

    Made anew when a file of ``place`` has changed. Raises Invalid: there are no weights that can be used.
    """
    if place.is_dir() and (place / "model.bin").is_file():
        return place
    folder = kept_in / f"{place.stem or 'model'}-{_state_of(place)}"
    kept_in.mkdir(parents=True, exist_ok=True)
    with FileLock(kept_in / f".{folder.name}.lock"):
        if not folder.is_dir():
            staging = kept_in / f".{folder.name}.incoming"
            shutil.rmtree(staging, ignore_errors=True)
            staging.mkdir()
            write(place, staging)
            staging.rename(folder)
    return folder


def write(place: Path, folder: Path) -> None:
    """Convert. Raises Invalid as ``load_model``."""
    # Only who converts needs torch.
    from transcriber.engines.whisper.checkpoint import load_model

    model = load_model(place).float()
    dims, multilingual = model.dims, bool(model.is_multilingual)
    languages = int(model.num_languages)
    spec = WhisperSpec(dims.n_audio_layer, dims.n_audio_head, dims.n_text_layer, dims.n_text_head)
    state = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    for name, tensor in ct2_checkpoint.variables(state).items():
        _place(spec, name, tensor)
    spec.decoder.projection.weight = spec.decoder.embeddings.weight
    tokens = vocabulary.tokens(multilingual=multilingual, num_languages=languages)
    spec.register_vocabulary(tokens)
    spec.config.alignment_heads = model.alignment_heads.to_dense().nonzero().tolist()
    spec.config.suppress_ids_begin = [tokens.index("Ġ"), tokens.index("<|endoftext|>")]
    spec.config.suppress_ids = []
    sot, translate = tokens.index("<|startoftranscript|>"), tokens.index("<|translate|>")
    spec.config.lang_ids = list(range(sot + 1, translate)) if multilingual else []
    spec.validate()
    spec.optimize(quantization="float16")
    spec.save(str(folder))
    tokenizer = vocabulary.tokenizer_json(multilingual=multilingual, num_languages=languages)
    (folder / "tokenizer.json").write_text(tokenizer, encoding="utf-8")
    (folder / "preprocessor_config.json").write_text(json.dumps({"feature_size": int(dims.n_mels)}))


def _place(spec: Any, name: str, tensor: np.ndarray[Any, Any]) -> None:
    """Set what CTranslate2's files call ``name``."""
    *path, last = name.split("/")
    for part in path:
        if hasattr(spec, part):
            spec = getattr(spec, part)
        else:
            one_of, _, index = part.rpartition("_")
            spec = getattr(spec, one_of)[int(index)]
    setattr(spec, last, np.ascontiguousarray(tensor))


def _state_of(place: Path) -> str:
    """Sixteen digits that change when a file does, by size and time."""
    files = sorted(place.rglob("*")) if place.is_dir() else [place]
    seen = [(str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns) for file in files if file.is_file()]
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()[:16]
