"""Engines by name."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from polyvox import weights
from polyvox.errors import Invalid
from polyvox.weights.catalogue import MODELS
from polyvox.weights.own import OwnModels
from transcriber.engines.base import TranscriberEngine
from transcriber.engines.model_cache import ModelCache
from transcriber.engines.windowed import WindowedEngine, WindowModel

M = TypeVar("M")

ENGINES = ("ctranslate2", "whisper")
MODELS_LOADED = 2
CONVERTED = "polyvox-converted"
"""Folder of models that were made into CTranslate2's."""

NONE_OF_OWN = OwnModels()


def load(
    engine: str,
    *,
    weights_dir: Path,
    device: str = "auto",
    threads: int = 0,
    compute_type: str = "auto",
    default_model: str = "base",
    models_loaded: int = MODELS_LOADED,
    own: OwnModels = NONE_OF_OWN,
    beams: int = 0,
    memory_bytes: int | None = None,
) -> TranscriberEngine:
    """An engine whose models are loaded when first asked for; at most ``models_loaded`` stay.

    Args:
        own: models beside those of the catalogue.
        beams: hypotheses that are followed at once; 0 is what suits the engine and its device, 5 or 1.
        memory_bytes: what models may take of a GPU together; None is all there is.

    Raises:
        Invalid: there is no such engine. Asking it for a model raises Invalid when that is unknown
            or its weights are not here.
    """
    if engine not in ENGINES:
        raise Invalid(f"there is no engine {engine!r}; choose one of: {', '.join(ENGINES)}", code="unknown-engine")

    def place(model: str) -> Path:
        return folder_of(engine, model, weights_dir, own)

    def cached(load_model: Callable[[Path], M]) -> ModelCache[M]:
        return ModelCache(
            lambda model: load_model(place(model)),
            capacity=models_loaded,
            bound_bytes=memory_bytes,
            expected=lambda model: size_on_disk(place(model)),
        )

    if engine == "whisper":
        # torch and numba take seconds to import, which who uses the other engine need not wait for.
        from transcriber.engines.whisper.engine import WhisperEngine
        from transcriber.engines.whisper.model import WhisperModel

        on_torch = partial(WhisperModel, device=device, threads=threads, beams=beams, memory_bytes=memory_bytes)
        return WhisperEngine(cached(on_torch), default_model=default_model)

    def load_model(folder: Path) -> WindowModel:
        from transcriber.engines.ctranslate2 import BEAMS, CTranslate2Model

        return CTranslate2Model(folder, device=device, threads=threads, compute_type=compute_type, beams=beams or BEAMS)

    return WindowedEngine(engine, cached(load_model), default_model=default_model)


def size_on_disk(place: Path) -> int:
    """Bytes of a model's weights, which are in 16 bits on disk as on a GPU."""
    files = place.iterdir() if place.is_dir() else [place]
    return sum(file.stat().st_size for file in files if file.suffix in (".bin", ".pt", ".safetensors"))


def folder_of(engine: str, model: str, weights_dir: Path, own: OwnModels = NONE_OF_OWN) -> Path:
    """Where the weights for this engine and model are: both engines read a CTranslate2 folder.

    A model of one's own may be a file; for CTranslate2 it is converted when it is first asked for.

    Raises:
        Invalid: there is no such model, or it was not pulled.
    """
    if model in own:
        place = own.here(model)
        if engine == "whisper":
            return place
        from transcriber.engines.ct2_writing import as_ctranslate2

        # Containers mount the weights read-only; what is converted then lives as long as they do.
        writable = weights_dir.is_dir() and os.access(weights_dir, os.W_OK)
        return as_ctranslate2(place, (weights_dir if writable else Path(tempfile.gettempdir())) / CONVERTED)
    name = weights.for_transcriber(model)
    candidates = [f"{name}-torch", name] if engine == "whisper" else [name]
    for candidate in candidates:
        if candidate in MODELS and weights.is_present(candidate, weights_dir):
            return weights.folder(candidate, weights_dir)
    raise Invalid(f"the weights of {model!r} are not here; run: polyvox weights pull {name}", code="no-weights")
