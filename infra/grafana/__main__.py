"""`python -m infra.grafana` writes the dashboards; with `--check` it says what is stale and exits 1."""

from __future__ import annotations

import sys
from pathlib import Path

from infra.grafana.board import json_of
from infra.grafana.boards import BOARDS

FOLDER = Path(__file__).resolve().parent / "dashboards"


def main() -> int:
    texts = {FOLDER / f"{board.name}.json": json_of(board) for board in BOARDS}
    stale = [path for path, text in texts.items() if not path.is_file() or path.read_text() != text]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"{path.name} is not current: run `make docs`", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        path.write_text(texts[path])
        print(f"wrote {path.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
