"""Memory that was freed, back to the system: after a model is built that is as much as its weights."""

from __future__ import annotations

import ctypes
import sys


def give_back_freed() -> None:
    """Let the C library keep nothing of what was freed. Where it is not glibc there is nothing to ask for."""
    if sys.platform != "linux":
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
