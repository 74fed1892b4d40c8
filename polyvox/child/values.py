"""Unpickling what a child sends, limited to values.

A child may have been taken over by a hostile recording; a plain unpickler would hand the
parent to it as well. Only classes that hold values are let through: those of the standard
library below, arrays, and dataclasses, models, enums and errors of our own packages.
"""

from __future__ import annotations

import dataclasses
import enum
import io
import pickle
from collections.abc import Collection, Sequence
from typing import Any

from pydantic import BaseModel

from polyvox.errors import PolyvoxError

_OTHERS = frozenset(
    {
        ("builtins", "set"),
        ("builtins", "frozenset"),
        ("builtins", "complex"),
        ("builtins", "bytearray"),
        ("builtins", "slice"),
        ("builtins", "range"),
        ("collections", "OrderedDict"),
        ("collections", "deque"),
        ("datetime", "date"),
        ("datetime", "datetime"),
        ("datetime", "timedelta"),
        ("datetime", "timezone"),
        ("decimal", "Decimal"),
        ("uuid", "UUID"),
        ("pathlib", "PosixPath"),
        ("pathlib", "PurePosixPath"),
        ("polyvox.errors", "_rebuild_invalid"),
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("numpy._core.numeric", "_frombuffer"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "scalar"),
    }
)
_VALUES = (PolyvoxError, enum.Enum, BaseModel, tuple)


class _ValueUnpickler(pickle.Unpickler):
    def __init__(self, body: bytearray, buffers: Sequence[bytearray], packages: Collection[str]) -> None:
        super().__init__(io.BytesIO(body), buffers=buffers)
        self._packages = packages

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _OTHERS:
            return super().find_class(module, name)
        if module.partition(".")[0] in self._packages and "." not in name:
            found = super().find_class(module, name)
            if (
                isinstance(found, type)
                and found.__module__ == module
                and (dataclasses.is_dataclass(found) or issubclass(found, _VALUES))
            ):
                return found
        raise pickle.UnpicklingError(f"{module}.{name} is not a value that a child may send")


def load_values(body: bytearray, buffers: Sequence[bytearray], *, packages: Collection[str]) -> Any:
    """Unpickle values of the named top-level packages. Raises pickle.UnpicklingError."""
    return _ValueUnpickler(body, buffers, packages).load()
