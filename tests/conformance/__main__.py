"""`python -m tests.conformance`: look for requests that the API answers otherwise than its document says.

python -m tests.conformance                         all phases, 100 examples of each operation
python -m tests.conformance --without-keys          the same on a server that has no keys
python -m tests.conformance --max-examples 1000     arguments go to `schemathesis run`
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.conformance.running import examine

WITHOUT_KEYS = "--without-keys"


def main() -> None:
    arguments = [argument for argument in sys.argv[1:] if argument != WITHOUT_KEYS]
    with tempfile.TemporaryDirectory() as data_dir:
        outcome = asyncio.run(examine(Path(data_dir), arguments, keys=WITHOUT_KEYS not in sys.argv, shown=True))
    sys.exit(not outcome.is_clean)


if __name__ == "__main__":
    main()
