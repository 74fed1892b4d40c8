"""Loaded models, the least recently used given up first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

M = TypeVar("M")


class ModelCache(Generic[M]):
    """Keeps up to ``capacity`` models loaded; ``load`` turns a name into a model."""

    def __init__(self, load: Callable[[str], M], *, capacity: int = 2) -> None:
        if capacity < 1:
            raise ValueError("a cache of models needs room for one")
        self._load = load
        self._capacity = capacity
        self._models: OrderedDict[str, M] = OrderedDict()

    def get(self, name: str) -> M:
        """The model of that name. Raises what ``load`` raises."""
        if name not in self._models:
            # Room first: the old and the new together may be more than the machine holds.
            while len(self._models) >= self._capacity:
                self._models.popitem(last=False)
            self._models[name] = self._load(name)
        self._models.move_to_end(name)
        return self._models[name]
