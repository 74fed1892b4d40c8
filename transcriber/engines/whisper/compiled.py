"""How kernels are compiled: by numba, kept on disk, and compiled again as soon as any of them is another.

numba looks at the file of a function alone, and keeps what it inlined from others as it was: after an upgrade, kernels
of two versions would run together.
"""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, misc"

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numba

_HERE = Path(__file__).parent


def kernel(*, parallel: bool = False, fastmath: bool | Collection[str] = True) -> Callable[[Any], Any]:
    """Decorator of a function for numba, which lets go of Python's lock and divides as numpy does.

    A kernel is made part of each that calls it: otherwise the process that compiles them calls the one that stands by
    itself, later ones its copy in what they fetch, which may be rounded otherwise.
    """

    def compiled(function: Any) -> Any:
        usual = numba.config.CACHE_DIR
        # Where a function is kept is settled here, and only for ours.
        numba.config.CACHE_DIR = str(_folder(usual))
        try:
            jit = numba.njit(
                cache=True,
                nogil=True,
                error_model="numpy",
                parallel=parallel,
                fastmath=fastmath,
                forceinline=True,
            )
            return jit(function)
        finally:
            numba.config.CACHE_DIR = usual

    return compiled


@cache
def _folder(usual: str) -> Path:
    """Of what is compiled from the files as they are now: beside them, or where numba is told to keep things."""
    return (Path(usual) if usual else _HERE / "__pycache__") / f"kernels-{digest(_HERE)}"


def digest(folder: Path) -> str:
    """Of all files in ``folder`` that make kernels or have some."""
    total = sha256()
    for path in sorted(folder.glob("*.py")):
        content = path.read_bytes()
        if b"numba" in content or b"import kernel" in content:
            total.update(path.name.encode() + b"\0" + content)
    return total.hexdigest()[:16]
