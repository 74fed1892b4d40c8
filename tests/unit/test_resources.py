"""What a process uses is measured: its own time and memory, its children's, disks, and GPUs as their driver tells."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from polyvox import metrics
from polyvox.adapters.nvml import Gpu, Nvml
from polyvox.resources import Resources
from tests.support.recorded_metrics import RecordedMetrics

BUSY = "x = bytearray(40_000_000)\nprint('ready', flush=True)\nwhile True: sum(range(1000))"


def test_a_process_is_measured_with_its_children(tmp_path: Path) -> None:
    counters = RecordedMetrics()
    resources = Resources("test", {"data": tmp_path, "weights": tmp_path / "nowhere"}, counters)
    with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout is not None
            child.stdout.readline()
            resources.measure()
            before_s = resources.cpu_s
            while resources.cpu_s < before_s + 0.3:
                resources.measure()
        finally:
            child.kill()
    assert counters.values(metrics.PROCESS_MEMORY, process="test", part="children")[-1] > 40_000_000
    assert counters.values(metrics.PROCESS_MEMORY, process="test", part="own")[-1] > 10_000_000
    assert counters.values(metrics.PROCESS_CHILDREN, process="test")[-1] >= 1
    assert counters.count(metrics.PROCESS_CPU, process="test") == pytest.approx(resources.cpu_s)
    assert counters.values(metrics.PROCESS_FILES, process="test")[-1] > 2
    free = counters.values(metrics.DISK_FREE, process="test", folder="data")[-1]
    assert 0 < free < counters.values(metrics.DISK_SIZE, process="test", folder="data")[-1]
    assert counters.values(metrics.DISK_FREE, process="test", folder="weights") == []


class Trouble(Exception):
    pass


class Driver:
    """Two GPUs as pynvml shows them, of which one is cut into instances and one has fallen off the bus."""

    NVMLError = Trouble

    def nvmlDeviceGetCount(self) -> int:
        return 3

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> Any:
        if handle == 2:
            raise Trouble("GPU is lost")
        return SimpleNamespace(used=handle * 100 + 50, total=1000)

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> Any:
        if handle == 1:
            raise Trouble("Not Supported")
        return SimpleNamespace(gpu=42)

    def nvmlShutdown(self) -> None:
        return


def test_gpus_are_told_as_far_as_their_driver_knows() -> None:
    nvml = Nvml(Driver())
    assert nvml.gpus() == [Gpu(0, 50, 1000, 0.42), Gpu(1, 150, 1000, 0.0)]
    counters = RecordedMetrics()
    Resources("test", {}, counters, nvml).measure()
    assert counters.values(metrics.GPU_MEMORY_USED, gpu="1") == [150]
    assert counters.values(metrics.GPU_UTILISATION, gpu="0") == [0.42]


def test_without_a_driver_no_gpu_is_watched() -> None:
    nvml = Nvml.open()
    assert nvml is None or nvml.gpus()
