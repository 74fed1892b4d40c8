"""Makes our own engine from local weights. Nothing of pyannote.audio is imported: that takes seconds."""

from __future__ import annotations

from pathlib import Path

import torch

from diarizer.engines import campplus
from diarizer.engines import segmentation as pyannet
from diarizer.engines.builtin import BuiltinEngine
from diarizer.engines.listening import Listener
from diarizer.engines.memory import batches

BUILTIN_MODEL = "segmentation-3.0+campplus"

CPU_BATCHES = (8, 2)
"""Windows per step of segmentation and of embedding. From 3 windows on, the embedding's largest
array exceeds the 32 MB above which the C library maps memory afresh each time: it gets twice as slow."""
GPU_BATCHES = (32, 32)


def load_builtin(
    segmentation: Path, embedding: Path, device: torch.device, memory_bytes: int | None = None
) -> BuiltinEngine:
    """Our own engine with weights from local files.

    Args:
        segmentation: pyannote's segmentation-3.0 checkpoint (``pytorch_model.bin``).
        embedding: CAM++ state dict (``campplus_cn_en_common.pt``).
        device: where it runs.
        memory_bytes: what it may take of a GPU; fewer windows go through at once for it.

    Raises:
        Invalid: the checkpoint is none, or it does not fit into so much memory.
    """
    sizes = CPU_BATCHES if device.type == "cpu" else batches(memory_bytes, GPU_BATCHES)
    return BuiltinEngine(
        Listener(pyannet.load(segmentation), campplus.load(embedding), device, batch_sizes=sizes), BUILTIN_MODEL
    )
