"""`python -m infra.prometheus` writes the rules; with `--check` it says what is stale and exits 1."""

from __future__ import annotations

import sys
from pathlib import Path

from infra.prometheus.alert import text_of
from infra.prometheus.rules import GROUPS

INFRA = Path(__file__).resolve().parents[1]
PLACES = (INFRA / "prometheus/rules/polyvox.yml", INFRA / "helm/polyvox/rules/polyvox.yml")
"""Where Compose's Prometheus finds them, and where the chart does, which sees nothing outside of itself."""


def main() -> int:
    text = text_of(GROUPS)
    stale = [path for path in PLACES if not path.is_file() or path.read_text() != text]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"{path.relative_to(INFRA.parent)} is not current: run `make docs`", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        path.write_text(text)
        print(f"wrote {path.relative_to(INFRA.parent)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
