"""Something that a nursery can prepare, after which each of its children dies of its birth."""

from __future__ import annotations

import os
import signal


def doom() -> None:
    """From here on every fork is killed before it has run a line of its own."""
    os.register_at_fork(after_in_child=lambda: os.kill(os.getpid(), signal.SIGKILL))
