"""Model code in a process of its own: a crash becomes the failure of one call.

``Child`` names a factory; the object it returns lives in a fresh interpreter, started at
the first call and replaced whenever it may be broken.
"""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable, Mapping
from typing import Any

from polyvox import tracing
from polyvox.child import wire
from polyvox.child.limits import Limits
from polyvox.child.nursery import Nursery
from polyvox.child.process import ChildProcess, CpuTimeUsedUp
from polyvox.errors import ChildCrashed, PolyvoxError, Transient
from polyvox.metrics import CHILD_RESTARTS, Metrics, process_metrics

__all__ = ["Child", "Limits"]


class Child:
    """Calls methods of an object in a child process, one call at a time.

    Args:
        factory: ``package.module:callable``, imported and called with ``kwargs`` in the child.
        limits: bounds of the process, in force before the factory is imported.
        start_timeout_s: how long the factory may take.
        env: variables added to the child's environment before the factory is imported.
        inherit_env: False starts the child without the variables of this process.
        name: what logs and errors call it.
        timeout_error: makes the error for a call that outlasts its time-out, its CPU time
            or its file size; Transient for models, Invalid where the input is to blame.
        metrics: where restarts are counted.
        nursery: where the process is forked from; its environment is the child's then.
    """

    def __init__(
        self,
        factory: str,
        kwargs: Mapping[str, Any],
        *,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        start_timeout_s: float = 120.0,
        env: Mapping[str, str] | None = None,
        inherit_env: bool = True,
        name: str,
        timeout_error: Callable[[str], PolyvoxError] = Transient,
        metrics: Metrics | None = None,
        nursery: Nursery | None = None,
    ) -> None:
        self._factory = factory
        self._kwargs = kwargs
        self._limits = limits
        self._start_timeout_s = start_timeout_s
        self._env = env or {}
        self._inherit_env = inherit_env
        self._name = name
        self._timeout_error = timeout_error
        self._metrics = metrics or process_metrics()
        self._nursery = nursery
        self._process: ChildProcess | None = None
        self._turn = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """Process id while a process is alive."""
        return self._process.pid if self._process and self._process.alive else None

    async def call(
        self,
        method: str,
        /,
        *args: Any,
        timeout_s: float,
        on_progress: Callable[[float], None] | None = None,
    ) -> Any:
        """Call ``method`` of the child's object and return what it returns.

        With ``on_progress`` the method also gets a keyword argument ``progress``, a function
        of one fraction. Arguments and results are pickled; results may be plain values,
        arrays, and dataclasses or models of ``polyvox`` or of the factory's own package.
        Cancelling the call kills the process.

        Raises:
            PolyvoxError: what the method raised, when it raised one of those.
            OutOfMemory: the process or its device ran out of memory.
            ChildCrashed: the process died, the text has the signal and its last output; or it sent what
                is not a value.
            Transient: any other exception of the method; also a start that takes too long.
        """
        frames = wire.pack((method, args, on_progress is not None))
        async with self._turn:
            process = await self._started()
            with tracing.step(self._name):
                return await self._guarded(process, self._exchange(process, frames, on_progress), timeout_s)

    async def start(self) -> None:
        """Start the process now, so that the first call need not wait for it. Raises as ``call``."""
        async with self._turn:
            await self._started()

    async def close(self) -> None:
        """End the process. The next call would start another."""
        async with self._turn:
            process, self._process = self._process, None
            if process is not None:
                await process.kill()

    async def _started(self) -> ChildProcess:
        if self._process is not None and self._process.alive:
            return self._process
        if self._process is not None:
            await self._discard(self._process, "died while idle")
        with tracing.step(f"start {self._name}"):
            process = self._process = await ChildProcess.start(
                self._factory,
                self._kwargs,
                limits=self._limits,
                env=self._env,
                inherit_env=self._inherit_env,
                name=self._name,
                nursery=self._nursery,
            )
            await self._guarded(process, self._reply(process, None), self._start_timeout_s, replace_always=True)
        return process

    async def _guarded(
        self, process: ChildProcess, exchange: Any, timeout_s: float, *, replace_always: bool = False
    ) -> Any:
        """Await ``exchange``; whatever may leave the process in disorder ends it."""
        try:
            async with asyncio.timeout(timeout_s):
                return await exchange
        except _Refused as refused:
            if replace_always or refused.kind != "intact":
                await self._discard(process, type(refused.error).__name__)
            if refused.kind == "limit":
                raise self._timeout_error(f"{self._name}: {refused.error}") from None
            raise refused.error from None
        except TimeoutError:
            await self._discard(process, "timeout")
            raise self._timeout_error(f"{self._name} did not answer within {timeout_s:g} s") from None
        except wire.Closed:
            self._process = None
            why = await process.verdict()
            self._note(type(why).__name__)
            if isinstance(why, CpuTimeUsedUp):
                raise self._timeout_error(str(why)) from None
            raise why from None
        except pickle.UnpicklingError as error:
            await self._discard(process, "not a value")
            raise ChildCrashed(f"{self._name}: {error}") from error
        except BaseException as error:
            await self._discard(process, type(error).__name__)
            raise

    async def _exchange(
        self, process: ChildProcess, frames: list[memoryview], on_progress: Callable[[float], None] | None
    ) -> Any:
        await process.send(frames)
        return await self._reply(process, on_progress)

    async def _reply(self, process: ChildProcess, on_progress: Callable[[float], None] | None) -> Any:
        while True:
            match await process.receive():
                case ("progress", float(fraction)):
                    if on_progress is not None:
                        on_progress(fraction)
                case ("result", value):
                    return value
                case ("ready",):
                    return None
                case ("error", str(kind), PolyvoxError() as error):
                    raise _Refused(kind, error)
                case other:
                    raise _Refused("broken", Transient(f"{self._name} answered {other!r:.100}"))

    async def _discard(self, process: ChildProcess, cause: str) -> None:
        self._process = None
        self._note(cause)
        await process.kill()

    def _note(self, cause: str) -> None:
        self._metrics.add(CHILD_RESTARTS, child=self._name, cause=cause)


class _Refused(Exception):
    """The child answered with an error; ``kind`` says in what state that left it."""

    def __init__(self, kind: str, error: PolyvoxError) -> None:
        self.kind = kind
        self.error = error
