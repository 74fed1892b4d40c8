"""A bound on a GPU's memory, and the windows that it leaves room for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diarizer.engines import memory
from diarizer.engines.memory import batches
from polyvox.errors import Invalid

GIB = 1 << 30
WANTED = (32, 32)


def test_without_a_bound_it_is_what_is_wanted() -> None:
    assert batches(None, WANTED) == WANTED


def test_a_tight_bound_makes_batches_small_and_a_wide_one_changes_nothing() -> None:
    assert batches(80 * GIB, WANTED) == WANTED
    windows, chunks = batches(3 * GIB // 2, WANTED)
    assert 1 <= chunks < windows < 32


def test_what_cannot_fit_says_what_would() -> None:
    with pytest.raises(Invalid, match=r"POLYVOX_DIARIZER_GPU_MEMORY_GIB to 1\.2 or more") as refused:
        batches(GIB, WANTED)
    assert refused.value.code == "model-too-large"
    assert batches(int(1.2 * GIB), WANTED) >= (1, 1)


@given(st.integers(2 * GIB, 100 * GIB))
def test_what_goes_through_at_once_stays_within_the_bound(bound_bytes: int) -> None:
    windows, chunks = batches(bound_bytes, WANTED)
    fixed = memory.LIBRARIES_BYTES + memory.MODELS_BYTES + memory.STRETCH_BYTES
    for taken in (windows * memory.WINDOW_BYTES, chunks * memory.CHUNK_BYTES):
        assert fixed + taken <= (1 - memory.SLACK) * bound_bytes
