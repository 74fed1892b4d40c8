"""Compiles the kernels for this CPU, ahead of the first recording: python -m transcriber.engines.whisper

What is compiled stays on disk (see compiled.py): the second time takes seconds.
"""

from __future__ import annotations

import torch
from whisper.model import ModelDimensions, Whisper

from transcriber.engines.model_cache import ModelCache
from transcriber.engines.whisper.engine import WhisperEngine
from transcriber.engines.whisper.model import WhisperModel

SMALL = ModelDimensions(80, 1500, 128, 2, 1, 51_865, 448, 128, 2, 2)
"""What is compiled depends on the kinds of numbers alone, not on how many there are."""


def main() -> None:
    torch.manual_seed(0)
    source = Whisper(SMALL).eval()
    WhisperEngine(ModelCache(lambda _name: WhisperModel(source, device="cpu", beams=5))).warm("small")


if __name__ == "__main__":
    main()
