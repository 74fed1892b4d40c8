"""Says where something was said, over all recordings: ``python find.py WORD…``."""

from __future__ import annotations

import os
import sys
from itertools import islice

from polyvox.client import Client

MOST = 50


def main(words: str) -> None:
    server, key = os.environ.get("POLYVOX_SERVER", "http://127.0.0.1:8484"), os.environ.get("POLYVOX_API_KEY")
    with Client(server, api_key=key or None) as client:
        for hit in islice(client.search(words), MOST):
            print(f"{hit.filename} at {hit.start_s:.1f} s, {hit.speaker or 'somebody'}: {hit.text.strip()}")


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]))
