"""Loaded models, the least recently used given up first."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from transcriber.engines.base import Load

M = TypeVar("M")


class ModelCache(Generic[M]):
    """Keeps up to ``capacity`` models loaded; ``load`` turns a name into a model."""

    def __init__(self, load: Callable[[str], M], *, capacity: int = 2) -> None:
        if capacity < 1:
            raise ValueError("a cache of models needs room for one")
        self._load = load
        self._capacity = capacity
        self._models: OrderedDict[str, M] = OrderedDict()
        self._loads: list[Load] = []

    def get(self, name: str) -> M:
        """The model of that name. Raises what ``load`` raises."""
        if name not in self._models:
            # Room first: the old and the new together may be more than the machine holds.
            while len(self._models) >= self._capacity:
                self._models.popitem(last=False)
            began_s = time.monotonic()
            self._models[name] = self._load(name)
            self._loads.append(Load(name, time.monotonic() - began_s))
        self._models.move_to_end(name)
        return self._models[name]

    def take_loads(self) -> tuple[Load, ...]:
        """What was loaded since this was last asked."""
        loads, self._loads = tuple(self._loads), []
        return loads
