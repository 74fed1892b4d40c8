"""`python -m tests.mutation`: decode damaged versions of recordings; what goes wrong is kept and named."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from tests.mutation.decoding import decode_mutants


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("recordings", nargs="+", type=Path, help="good recordings, or folders of them")
    parser.add_argument("--each", type=int, default=100, help="mutants of each recording [100]")
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same mutants [1]")
    parser.add_argument("--keep", type=Path, help="folder for the mutants that go wrong")
    given = parser.parse_args()
    paths = [path for one in given.recordings for path in (sorted(one.iterdir()) if one.is_dir() else [one])]
    if given.keep is not None:
        given.keep.mkdir(parents=True, exist_ok=True)
    account = asyncio.run(decode_mutants(paths, seed=given.seed, each=given.each, keep=given.keep))
    for outcome, count in account.outcomes.most_common():
        print(f"{count:8} {outcome}")
    for name, why in account.wrong.items():
        print(f"WRONG {name}: {why}")
    sys.exit(bool(account.wrong))


if __name__ == "__main__":
    main()
