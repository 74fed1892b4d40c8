"""How many windows a bound on a GPU's memory leaves room for. Pure.

What a window takes was measured on a CPU (11 MiB in segmentation, 34 MiB in the network of voices) and is doubled here
for what cuDNN works in; the bound itself is kept by torch, which hands out no more.
"""

from __future__ import annotations

from polyvox.errors import Invalid

MIB = 1 << 20
LIBRARIES_BYTES = 768 * MIB
"""CUDA's context, cuDNN and cuBLAS with their work space, in each process."""

MODELS_BYTES = 64 * MIB
STRETCH_BYTES = 160 * MIB
"""Frames of voices of the ten minutes that are listened to, and a window's share of them."""

WINDOW_BYTES = 24 * MIB
CHUNK_BYTES = 72 * MIB

SLACK = 0.1
"""Of the bound: what the allocator cannot hand out in one piece."""


def batches(bound_bytes: int | None, wanted: tuple[int, int]) -> tuple[int, int]:
    """Windows of segmentation and chunks of voices that go through at once, at most ``wanted``.

    Segmentation is done before voices are: each has what is free to itself. None bounds nothing.

    Raises:
        Invalid: not even one fits.
    """
    if bound_bytes is None:
        return wanted
    free = int(bound_bytes * (1 - SLACK)) - LIBRARIES_BYTES - MODELS_BYTES - STRETCH_BYTES
    if free < CHUNK_BYTES:
        least = (LIBRARIES_BYTES + MODELS_BYTES + STRETCH_BYTES + CHUNK_BYTES) / (1 - SLACK) / (1 << 30)
        raise Invalid(
            f"the diarizer does not fit into {bound_bytes / (1 << 30):.2f} GiB of the GPU's memory: set "
            f"POLYVOX_DIARIZER_GPU_MEMORY_GIB to {least:.1f} or more for each recording at a time",
            code="model-too-large",
        )
    return min(wanted[0], free // WINDOW_BYTES), min(wanted[1], free // CHUNK_BYTES)
