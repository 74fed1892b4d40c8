"""Runs the whole product as one process tree: starts every service, restarts what dies, stops all.

Processes get the same member name after a restart, so that they take over their own
partitions at once. Children end with their parent: an orphan notices that and exits.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from pydantic import SecretStr

from polyvox.errors import EXIT_CIRCUIT_OPEN, Fatal
from polyvox.settings import Settings

log = logging.getLogger(__name__)

RESTART_BASE_S = 0.5
RESTART_MAX_S = 30.0
STEADY_S = 30.0
"""A process that ran this long has earned a quick restart again."""
KILL_GRACE_S = 10.0
CIRCUIT_PAUSE_S = 900.0
"""Before a worker on which nearly everything failed may try again: each try costs some messages."""


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """One process and the services it hosts. Without the setting ``needs`` it has nothing to do.

    ``program``: another module, with its arguments, that hosts them.
    """

    name: str
    services: tuple[str, ...]
    needs: str | None = None
    program: tuple[str, ...] = ()

    @property
    def module(self) -> tuple[str, ...]:
        return self.program or ("polyvox.cli", "run", *self.services)

    def is_wanted(self, settings: Settings) -> bool:
        return self.needs is None or bool(getattr(settings, self.needs))


PROCESSES = (
    ProcessSpec("front", ("ingest-api", "results-api")),
    ProcessSpec("projection", ("projection",)),
    ProcessSpec("normaliser", ("normaliser",)),
    ProcessSpec("transcriber", ("transcriber",)),
    ProcessSpec("diarizer", ("diarizer",)),
    ProcessSpec("watcher", ("bucket-watcher",), needs="watches"),
)


@dataclass(slots=True)
class Supervisor:
    """Starts ``processes`` and keeps them running until ``run`` is told to stop.

    ``log_file`` takes what the processes print, instead of this process's own output.
    ``failures_max``: how often in a row a process may end by itself before ``run`` gives up.
    """

    settings: Settings
    processes: Sequence[ProcessSpec] = PROCESSES
    environment: Mapping[str, str] = field(default_factory=dict)
    log_file: Path | None = None
    failures_max: int | None = None
    pids: dict[str, int] = field(default_factory=dict)

    async def run(self, stopping: asyncio.Event) -> None:
        """Returns after all processes have ended.

        Raises:
            ExceptionGroup: of a Fatal, when a process ended by itself ``failures_max`` times in a row.
        """
        shutil.rmtree(self._metrics_dir, ignore_errors=True)
        self._metrics_dir.mkdir(parents=True)
        async with asyncio.TaskGroup() as group:
            for spec in self.processes:
                if not spec.is_wanted(self.settings):
                    continue
                group.create_task(self._keep(spec, stopping), name=spec.name)

    @property
    def _metrics_dir(self) -> Path:
        """Where the processes put their counts, so that one /metrics answers for all of them."""
        return self.settings.data_dir.absolute() / "metrics"

    def kill(self) -> None:
        """End every process at once, as a power cut would."""
        for pid in self.pids.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    async def _keep(self, spec: ProcessSpec, stopping: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        delay_s = 0.0
        failures = 0
        while not stopping.is_set():
            started_s = loop.time()
            status = await self._run_once(spec, stopping)
            if stopping.is_set():
                return
            ran_s = loop.time() - started_s
            failures = 1 if ran_s > STEADY_S else failures + 1
            if self.failures_max is not None and (failures >= self.failures_max or status == EXIT_CIRCUIT_OPEN):
                raise Fatal(f"the {spec.name} does not keep running: it ended with status {status}, {failures} times")
            delay_s = restart_delay_s(delay_s, status=status, ran_s=ran_s)
            log.warning("%s ended with status %s; starting it again in %.1f s", spec.name, status, delay_s)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), delay_s)

    async def _run_once(self, spec: ProcessSpec, stopping: asyncio.Event) -> int:
        from polyvox.adapters.prometheus import forget_process

        with self._output() as output:
            process = await self._start(spec, output)
        self.pids[spec.name] = process.pid
        ended = asyncio.create_task(process.wait())
        stop = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait({ended, stop}, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                process.terminate()
                await asyncio.wait({ended}, timeout=self.settings.drain_timeout_s + KILL_GRACE_S)
        finally:
            stop.cancel()
            if not ended.done():
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
            status = await ended
            self.pids.pop(spec.name, None)
            forget_process(process.pid, self._metrics_dir)
        return status

    def _output(self) -> contextlib.AbstractContextManager[IO[bytes] | None]:
        return contextlib.nullcontext() if self.log_file is None else self.log_file.open("ab")

    async def _start(self, spec: ProcessSpec, output: IO[bytes] | None) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *spec.module,
            "--member",
            spec.name,
            "--parent",
            str(os.getpid()),
            env={
                **os.environ,
                **self.environment,
                **environment_of(self.settings),
                "PROMETHEUS_MULTIPROC_DIR": str(self._metrics_dir),
            },
            # A Ctrl-C in the terminal goes to the supervisor alone, which passes it on in order.
            start_new_session=True,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )


def restart_delay_s(last_s: float, *, status: int, ran_s: float) -> float:
    """Seconds until a process that ended is started again: doubling, unless it ran steadily.

    ``last_s`` is the delay before the run that ended, 0 for the first.
    """
    if status == EXIT_CIRCUIT_OPEN:
        return CIRCUIT_PAUSE_S
    if ran_s > STEADY_S:
        return RESTART_BASE_S
    return min(max(last_s * 2, RESTART_BASE_S), RESTART_MAX_S)


def environment_of(settings: Settings) -> dict[str, str]:
    """The environment variables that give another process these settings."""
    return {
        f"POLYVOX_{name.upper()}": _text(value) for name, value in settings.model_dump().items() if value is not None
    }


def _text(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return json.dumps(value) if isinstance(value, dict) else str(value)
