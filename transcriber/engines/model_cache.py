"""Loaded models, the least recently used given up first."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from transcriber.engines.base import Load
from transcriber.engines.memory import to_give_up

M = TypeVar("M")


class ModelCache(Generic[M]):
    """Keeps up to ``capacity`` models loaded; ``load`` turns a name into a model.

    Args:
        bound_bytes: what they may take of their device together; the one that is asked for is loaded in any case.
        expected: bytes that a model of that name will take, at least.
    """

    def __init__(
        self,
        load: Callable[[str], M],
        *,
        capacity: int = 2,
        bound_bytes: int | None = None,
        expected: Callable[[str], int] | None = None,
    ) -> None:
        if capacity < 1:
            raise ValueError("a cache of models needs room for one")
        self._load = load
        self._capacity = capacity
        self._bound_bytes = bound_bytes
        self._expected = expected
        self._models: OrderedDict[str, M] = OrderedDict()
        self._loads: list[Load] = []

    def get(self, name: str) -> M:
        """The model of that name. Raises what ``load`` raises."""
        if name not in self._models:
            # Room first: the old and the new together may be more than the machine holds.
            while len(self._models) >= self._capacity:
                self._models.popitem(last=False)
            for other in self._too_many(name):
                del self._models[other]
            began_s = time.monotonic()
            self._models[name] = self._load(name)
            self._loads.append(Load(name, time.monotonic() - began_s))
        self._models.move_to_end(name)
        return self._models[name]

    def _too_many(self, name: str) -> list[str]:
        if self._bound_bytes is None or self._expected is None:
            return []
        expected = self._expected
        # A model that takes room for its work says so; others take their weights.
        held = {other: getattr(model, "memory_bytes", expected(other)) for other, model in self._models.items()}
        return to_give_up(held, expected(name), self._bound_bytes)

    def take_loads(self) -> tuple[Load, ...]:
        """What was loaded since this was last asked."""
        loads, self._loads = tuple(self._loads), []
        return loads
