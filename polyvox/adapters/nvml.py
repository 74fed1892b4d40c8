"""What NVIDIA's driver says of the GPUs of this machine. Needs nvidia-ml-py, and a driver."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Self

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU at one moment; ``utilisation`` from 0 to 1."""

    index: int
    memory_used_bytes: int
    memory_size_bytes: int
    utilisation: float


class Nvml:
    """Opened by ``open``, to be closed. Calls take well under a millisecond each."""

    def __init__(self, library: Any) -> None:
        self._library = library
        self._handles = [library.nvmlDeviceGetHandleByIndex(n) for n in range(library.nvmlDeviceGetCount())]

    @classmethod
    def open(cls) -> Self | None:
        """None where there is no such package, no driver or no GPU."""
        try:
            import pynvml
        except ImportError:
            return None
        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError as error:
            log.debug("no GPU is watched: %s", error)
            return None
        opened = cls(pynvml)
        if opened._handles:
            return opened
        opened.close()
        return None

    def gpus(self) -> list[Gpu]:
        """All that answer; MIG instances count as their GPU, whose utilisation then is not known."""
        found = []
        for index, handle in enumerate(self._handles):
            try:
                memory = self._library.nvmlDeviceGetMemoryInfo(handle)
            except self._library.NVMLError as error:
                log.warning("GPU %d does not answer: %s", index, error)
                continue
            found.append(Gpu(index, int(memory.used), int(memory.total), self._utilisation(handle)))
        return found

    def close(self) -> None:
        self._library.nvmlShutdown()

    def _utilisation(self, handle: Any) -> float:
        try:
            return float(self._library.nvmlDeviceGetUtilizationRates(handle).gpu) / 100
        except self._library.NVMLError:
            return 0.0
