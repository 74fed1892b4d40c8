"""Queries by keys, in whatever this CPU multiplies fastest: close to float32, whatever is in a key or a query."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from numpy.typing import NDArray

from transcriber.engines.whisper.integers import quantise
from transcriber.engines.whisper.keys import KIND, TOGETHER, fill, key_panels, put_key, put_query, scored
from transcriber.engines.whisper.tiles import COLUMNS

Floats = NDArray[np.float32]

SIZE = 64
two = scored(2)


@numba.njit  # type: ignore[untyped-decorator]
def products(
    queries: Floats, keys: Floats, whole: NDArray[np.int8], panels: NDArray[np.uint8], out: Floats, tops: Floats
) -> None:
    scales, factors, begins = np.zeros(out.shape[1], np.float32), np.zeros(2, np.float32), np.zeros(2, np.int32)
    short = np.zeros(SIZE, np.int16)
    for p in range(len(keys)):
        scales[p] = quantise(keys[p], 127.0, short)
        put_key(short, panels, p)
    fill(panels, scales, len(keys))
    for r in range(2):
        factors[r], begins[r] = put_query(queries[r], 127.0, whole[r])
    for n in range(len(panels)):
        at, c = n * SIZE * COLUMNS, n * COLUMNS
        two(whole, 0, SIZE, panels, at, SIZE // TOGETHER, begins, scales, c, out, out.shape[1], tops)
    for r in range(2):
        out[r] *= factors[r]
        tops[r] *= factors[r]


@pytest.mark.parametrize("positions", [16, 37])
def test_scores_are_close_and_what_fills_up_moves_no_maximum(positions: int) -> None:
    random = np.random.default_rng(positions)
    queries = random.standard_normal((2, SIZE)).astype(np.float32)
    queries[1] = -np.abs(queries[1])
    keys = random.standard_normal((positions, SIZE)).astype(np.float32)
    keys[3], keys[5] = 7.0, -7.0
    panels = key_panels((), positions, SIZE, 8)
    out, tops = np.zeros((2, len(panels) * COLUMNS), np.float32), np.full((2, 8), -1e30, np.float32)
    products(queries, keys, np.zeros((2, SIZE), KIND), panels, out, tops)
    exact = queries @ keys.T
    assert np.abs(out[:, :positions] - exact).max() < 0.02 * np.abs(exact).max()
    assert (out[:, positions:] == out[:, positions - 1 : positions]).all()
    assert np.array_equal(tops.max(1), out.max(1))
