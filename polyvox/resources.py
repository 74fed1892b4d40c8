"""Measures what a process uses, for as long as it runs: its event loop, time, memory, disks and GPUs."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psutil

from polyvox import metrics
from polyvox.adapters.nvml import Nvml
from polyvox.metrics import Metrics
from polyvox.settings import Settings
from polyvox.stall import watch_stalls

log = logging.getLogger(__name__)

EVERY_S = 5.0


@dataclass(slots=True)
class Resources:
    """Of this process, which metrics call ``name``. ``folders``: those whose disks matter to it, by what they are."""

    name: str
    folders: Mapping[str, Path]
    counters: Metrics = field(default_factory=metrics.process_metrics)
    nvml: Nvml | None = None
    process: psutil.Process = field(default_factory=psutil.Process)
    cpu_s: float = 0.0

    async def watch(self, *, every_s: float = EVERY_S) -> None:
        """Measure until cancelled."""
        self.counters.set(metrics.PROCESS_STARTED, self.process.create_time(), process=self.name)
        stalls = watch_stalls(partial(self.counters.observe, metrics.EVENT_LOOP_STALL, process=self.name))
        watching = asyncio.create_task(stalls, name="stalls")
        try:
            while True:
                try:
                    await asyncio.to_thread(self.measure)
                except (psutil.Error, OSError) as error:
                    log.warning("what this process uses is not known at this time: %s", error)
                await asyncio.sleep(every_s)
        finally:
            watching.cancel()

    def measure(self) -> None:
        """Look once. Blocks for some milliseconds."""
        self._measure_processes()
        for name, folder in self.folders.items():
            try:
                disk = shutil.disk_usage(folder)
            except OSError as error:
                log.debug("the disk of %s is not known: %s", folder, error)
                continue
            self.counters.set(metrics.DISK_FREE, disk.free, process=self.name, folder=name)
            self.counters.set(metrics.DISK_SIZE, disk.total, process=self.name, folder=name)
        for gpu in self.nvml.gpus() if self.nvml else ():
            self.counters.set(metrics.GPU_MEMORY_USED, gpu.memory_used_bytes, gpu=str(gpu.index))
            self.counters.set(metrics.GPU_MEMORY_SIZE, gpu.memory_size_bytes, gpu=str(gpu.index))
            self.counters.set(metrics.GPU_UTILISATION, gpu.utilisation, gpu=str(gpu.index))

    def _measure_processes(self) -> None:
        times = self.process.cpu_times()
        cpu_s = times.user + times.system + times.children_user + times.children_system
        children_bytes, children = 0, self.process.children(recursive=True)
        for child in children:
            try:
                with child.oneshot():
                    theirs = child.cpu_times()
                    children_bytes += child.memory_info().rss
            except psutil.Error:
                # It ended a moment ago: its time is this process's by now.
                continue
            cpu_s += theirs.user + theirs.system
        # Of children that end their parent hears later than we do; what was counted stays counted.
        self.counters.add(metrics.PROCESS_CPU, max(cpu_s - self.cpu_s, 0.0), process=self.name)
        self.cpu_s = max(cpu_s, self.cpu_s)
        self.counters.set(metrics.PROCESS_MEMORY, self.process.memory_info().rss, process=self.name, part="own")
        self.counters.set(metrics.PROCESS_MEMORY, children_bytes, process=self.name, part="children")
        self.counters.set(metrics.PROCESS_CHILDREN, len(children), process=self.name)
        self.counters.set(metrics.PROCESS_FILES, self.process.num_fds(), process=self.name)


async def watch_resources(name: str, settings: Settings) -> None:
    """Measure this process until cancelled."""
    folders = {"data": settings.data_dir, "scratch": settings.scratch_path, "weights": settings.weights_dir}
    nvml = Nvml.open()
    try:
        await Resources(name, folders, nvml=nvml).watch()
    finally:
        if nvml is not None:
            nvml.close()
