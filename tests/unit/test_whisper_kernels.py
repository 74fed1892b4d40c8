"""What goes with a product while its sums are in registers, on any processor; and the encoder's layers at odd sizes."""

from __future__ import annotations

import numba
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from whisper.model import ResidualAttentionBlock

from transcriber.engines.whisper.alignment import emphasised, emphasised_tensors
from transcriber.engines.whisper.gathered import dotted, weighed
from transcriber.engines.whisper.integer_blocks import IntegerBlocks
from transcriber.engines.whisper.tiles import packed, scaled_tile, scored_tile

Floats = NDArray[np.float32]

scaled, scored = scaled_tile(2, general=True), scored_tile(2, general=True)


@numba.njit  # type: ignore[untyped-decorator]
def by_general_terms(
    rows: NDArray[np.int16], panels: NDArray[np.int16], factors: Floats, columns: Floats, out: Floats, tops: Floats
) -> None:
    n, pairs = rows.shape[1], rows.shape[1] // 2
    for added in (False, True):
        scaled(rows, 0, n, panels, 0, pairs, factors, 1, columns, columns, 0, added, out, 0, out.shape[1])
    begins = np.zeros(2, np.int32)
    scored(rows, 0, n, panels, 0, pairs, begins, columns, 16, out, out.shape[1], tops)


def test_tiles_end_as_layers_and_as_scores_on_any_processor() -> None:
    random = np.random.default_rng(1)
    rows = random.integers(-3000, 3000, (2, 10)).astype(np.int16)
    weights = random.integers(-2047, 2048, (16, 10)).astype(np.int16)
    factors, columns = random.random(3).astype(np.float32), random.random(32).astype(np.float32)
    out, tops = np.full((2, 40), 7.0, np.float32), np.full((2, 8), -1e30, np.float32)
    by_general_terms(rows, packed(weights), factors, columns, out, tops)
    sums = (rows.astype(np.int64) @ weights.T.astype(np.int64)).astype(np.float64)
    np.testing.assert_allclose(out[:, :16], 2 * (sums * factors[1:, None] * columns[:16] + columns[:16]), rtol=1e-5)
    np.testing.assert_allclose(out[:, 16:32], sums * columns[16:], rtol=1e-5)
    assert (out[:, 32:] == 7.0).all()
    assert np.array_equal(tops.max(1), out[:, 16:32].max(1))


dot, general_dot, weigh = dotted(32), dotted(32, general=True), weighed(32, 3)


@numba.njit  # type: ignore[untyped-decorator]
def gathered(
    query: NDArray[np.int16], rows: NDArray[np.int8], places: NDArray[np.int64], weights: Floats, out: Floats
) -> tuple[int, int]:
    weigh(rows, places, weights, out)
    return dot(query, rows, places[1]), general_dot(query, rows, places[1])


def test_rows_that_lie_apart_are_multiplied_and_summed_where_they_are() -> None:
    random = np.random.default_rng(2)
    query, rows = random.integers(-32767, 32768, 32).astype(np.int16), random.integers(-127, 128, 200).astype(np.int8)
    places, weights = np.array([7, 150, 31]), random.random(3).astype(np.float32)
    out = np.full(32, 5.0, np.float32)
    products = gathered(query, rows, places, weights, out)
    chosen = np.stack([rows[place : place + 32] for place in places])
    assert products == (query.astype(np.int64) @ chosen[1],) * 2
    np.testing.assert_allclose(out, 5 + weights @ chosen, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("positions", [61, 7])
def test_layers_of_any_length_and_width_stay_close_to_float32(positions: int) -> None:
    """Positions fill neither blocks nor tiles nor panels; the perceptron goes through in a whole part and a half."""
    with torch.inference_mode():
        torch.manual_seed(positions)
        blocks = torch.nn.ModuleList([ResidualAttentionBlock(192, 3) for _ in range(2)])
        x = torch.randn(positions, 192)
        expected = x[None]
        for block in blocks:
            expected = block(expected)
        ours = IntegerBlocks(blocks, 3)(x)
        assert ((ours - expected[0]).norm() / (expected[0] - x).norm()).item() < 0.002


@pytest.mark.parametrize("positions", [40, 3])
def test_what_alignment_follows_is_the_same_on_any_device(positions: int) -> None:
    scores = 4 * torch.randn(3, 5, positions, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(emphasised(scores), emphasised_tensors(scores), rtol=1e-4, atol=1e-4)
