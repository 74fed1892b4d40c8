"""Where a model runs."""

from __future__ import annotations

import torch

from polyvox.errors import Invalid


def chosen(device: str, threads: int, memory_bytes: int | None = None) -> torch.device:
    """The torch device for a setting (auto, cpu, cuda or cuda:N), with torch set up for it.

    Args:
        device: the setting.
        threads: on the CPU; 0 leaves the choice to torch.
        memory_bytes: what this process may take of a GPU; torch hands out no more.

    Raises:
        Invalid: torch has no such device.
    """
    if threads:
        torch.set_num_threads(threads)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    place = torch.device(device)
    if place.type == "cuda" and (place.index or 0) >= torch.cuda.device_count():
        raise Invalid(f"there is no device {device} here; set POLYVOX_DEVICE to auto or cpu", code="no-device")
    if place.type == "cuda" and memory_bytes is not None:
        every_bytes = torch.cuda.get_device_properties(place).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, memory_bytes / every_bytes), place)
    # pyannote switches TensorFloat-32 off, and warns at every call that found it on.
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    return place
