"""Where a model runs."""

from __future__ import annotations

import torch

from polyvox.errors import Invalid


def chosen(device: str, threads: int) -> torch.device:
    """The torch device for a setting (auto, cpu, cuda or cuda:N), with torch set up for it.

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
    # pyannote switches TensorFloat-32 off, and warns at every call that found it on.
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    return place
