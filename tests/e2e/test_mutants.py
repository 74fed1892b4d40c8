"""Damaged recordings through the decoder: each gives what can be decoded, or a sentence that says why not."""

from __future__ import annotations

from pathlib import Path

from tests.mutation.decoding import decode_mutants

SMALL_BYTES = 125_000
EACH = 14


async def test_a_damaged_recording_is_decoded_or_refused_with_a_reason(eval_dir: Path, tmp_path: Path) -> None:
    recordings = sorted(path for path in (eval_dir / "containers").glob("*-*") if path.stat().st_size < SMALL_BYTES)
    account = await decode_mutants(recordings, seed=1, each=EACH, keep=tmp_path)
    assert account.wrong == {}
    assert account.outcomes["decoded"] > account.outcomes.total() / 4
    assert account.outcomes["not-media"] > 0
