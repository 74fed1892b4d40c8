"""Objects that tests put into child processes: well-behaved, broken and hostile ones."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyvox.errors import Fatal, Invalid, NotFound, Transient


@dataclass(frozen=True, slots=True)
class Answer:
    text: str
    samples: NDArray[np.float32]


class Unsendable(Transient):
    def __init__(self, one: str, two: str) -> None:
        super().__init__(one + two)


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (os.system, ("true",))


class OutOfMemoryError(RuntimeError):
    """Named as torch names its own."""


class Target:
    def __init__(self, greeting: str = "hello") -> None:
        self.greeting = greeting
        self.calls = 0

    def greet(self, name: str) -> str:
        self.calls += 1
        return f"{self.greeting} {name} {self.calls}"

    def pid(self) -> int:
        return os.getpid()

    def double(self, samples: NDArray[np.float32]) -> Answer:
        samples *= 2
        return Answer("doubled", samples)

    def count(self, steps: int, progress: Callable[[float], None] | None = None) -> int:
        for step in range(steps):
            if progress is not None:
                progress((step + 1) / steps)
        return steps

    def environment(self, name: str) -> str | None:
        return os.environ.get(name)

    def modules(self) -> list[str]:
        return sorted(sys.modules)

    def refuse(self) -> None:
        raise Invalid("there is no sound in it", code="no-audio")

    def miss(self) -> None:
        raise NotFound("it is gone")

    def stumble(self) -> None:
        raise Transient("try again")

    def give_up(self) -> None:
        raise Fatal("no weights")

    def unsendable(self) -> None:
        raise Unsendable("a", "b")

    def bug(self) -> None:
        raise KeyError("bug")

    def evil(self) -> Evil:
        return Evil()

    def function(self) -> Any:
        return time.sleep

    def dereference_null(self) -> None:
        ctypes.string_at(0)

    def abort(self) -> None:
        os.abort()

    def leave(self, status: int) -> None:
        os._exit(status)

    def killed(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def devour(self, size_bytes: int) -> int:
        return len(bytearray(size_bytes))

    def device_out_of_memory(self) -> None:
        raise OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    def spin(self) -> None:
        while True:
            pass

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def sleep_with_grandchild(self, pid_file: str) -> None:
        grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        Path(pid_file).write_text(str(grandchild.pid))
        time.sleep(600)

    def write(self, path: str, size_bytes: int) -> None:
        Path(path).write_bytes(b"x" * size_bytes)

    def say(self, text: str) -> None:
        print(text)


class Deaf:
    """A diarizer that takes recordings and never answers."""

    def __init__(self, **_settings: Any) -> None:
        pass

    def diarize(self, *_arguments: Any) -> None:
        time.sleep(600)


def failing_factory(kind: str) -> Target:
    if kind == "fatal":
        raise Fatal("the weights are not there")
    if kind == "slow":
        time.sleep(600)
    raise ValueError(kind)
