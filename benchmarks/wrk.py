"""wrk as the client of benchmarks/asking.py: it takes a tenth of the CPU that a client in Python does."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# Quantiles come in microseconds. wrk counts as errors what is 400 or more.
_SCRIPT = """
done = function(summary, latency, requests)
  local at = {}
  for _, share in ipairs({50, 95, 99}) do
    table.insert(at, string.format('"%d": %f', share, latency:percentile(share) / 1000))
  end
  io.stdout:write(string.format('\\nmeasured {"count": %d, "seconds": %f, "bytes": %d, "refused": %d, "broken": %d, ',
    summary.requests, summary.duration / 1e6, summary.bytes, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
  io.stdout:write('"quantiles_ms": {' .. table.concat(at, ", ") .. '}}\\n')
end
"""


def is_installed() -> bool:
    return shutil.which("wrk") is not None


def run(url: str, *, connections: int, seconds: float, headers: Sequence[str]) -> dict[str, Any]:
    """What the script above says. Raises CalledProcessError when wrk cannot ask."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "quantiles.lua"
        script.write_text(_SCRIPT)
        given = [part for header in headers for part in ("--header", header)]
        command = ["wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{round(seconds)}s"]
        done = subprocess.run(
            [*command, "--timeout", "30s", "--script", str(script), *given, url],
            check=True,
            capture_output=True,
            text=True,
        )
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("measured ")]
    found: dict[str, Any] = json.loads(line.removeprefix("measured "))
    return found
