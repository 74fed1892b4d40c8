"""A layer of the encoder in whole numbers: projections, attention, the rest. Blocks of positions stay in the cache."""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, no-untyped-def, misc"

from __future__ import annotations

import numba
import numpy as np

from transcriber.engines.whisper.integers import gelu, multiply, normalise, quantise, six_rows, two_to

BLOCK = 48
"""Positions at a time; a multiple of a tile's rows."""

HEAD_STEPS = 4095.0
"""In queries and keys: 64 products of them stay within 32 bits."""

VALUE_STEPS = 1023.0
WEIGHT_STEPS = 32767.0
WEIGHT_SUM = 2.0e6
"""Probabilities have as many steps as leave their sum with values within 32 bits."""

LOG2_E = np.float32(1.4426950408889634)


@numba.njit(cache=True, parallel=True, fastmath=True, nogil=True, error_model="numpy")
def project(x, norm_weight, norm_bias, weights, queries, query_scales, keys, key_scales, values, value_scales):
    """Norm, then query, key and value of each head, quantised by position.

    x: (positions, width) float32. queries: (heads, positions filled up to 6, size) int16; keys: panels (heads,
    positions / 16, size / 2, 16, 2); values: panels (heads, size / 16, positions / 2, 16, 2); scales: (heads, positions
    or more).
    """
    positions, width = x.shape
    heads, _, size = queries.shape
    for block in numba.prange(-(-positions // BLOCK)):
        at = block * BLOCK
        count = min(BLOCK, positions - at)
        rows = np.zeros((BLOCK, width), np.int16)
        scales = np.empty(BLOCK, np.float32)
        normed = np.empty(width, np.float32)
        for r in range(count):
            normalise(x[at + r], norm_weight, norm_bias, normed)
            scales[r] = quantise(normed, weights.steps, rows[r])
        out = np.empty((BLOCK, 3 * width), np.float32)
        multiply(rows, scales, count, weights, False, out)
        whole = np.empty(size, np.int16)
        for r in range(count):
            p = at + r
            for h in range(heads):
                start = h * size
                query_scales[h, p] = quantise(out[r, start : start + size], HEAD_STEPS, queries[h, p])
                start += width
                key_scales[h, p] = quantise(out[r, start : start + size], HEAD_STEPS, whole)
                panel = keys[h, p // 16]
                for i in range(size // 2):
                    panel[i, p % 16, 0] = whole[2 * i]
                    panel[i, p % 16, 1] = whole[2 * i + 1]
                start += width
                value_scales[h, p] = quantise(out[r, start : start + size], VALUE_STEPS, whole)
                for i in range(size):
                    values[h, i // 16, p // 2, i % 16, p % 2] = whole[i]
    # What fills up the last panel of keys scores as the last position does: it moves no maximum.
    last = positions - 1
    for h in range(heads):
        for p in range(positions, 16 * keys.shape[1]):
            key_scales[h, p] = key_scales[h, last]
            for i in range(size // 2):
                keys[h, p // 16, i, p % 16, 0] = keys[h, last // 16, i, last % 16, 0]
                keys[h, p // 16, i, p % 16, 1] = keys[h, last // 16, i, last % 16, 1]


@numba.njit(cache=True, parallel=True, fastmath=True, nogil=True, error_model="numpy")
def attend(positions, queries, query_scales, keys, key_scales, values, value_scales, scale, out):
    """Attention of every position to all; shapes as in ``project``. out: (positions, heads × size) float32."""
    heads, _, size = queries.shape
    panels = keys.shape[1]
    blocks = -(-positions // BLOCK)
    for job in numba.prange(heads * blocks):
        h = job // blocks
        scores = np.empty((6, panels * 16), np.float32)
        weights = np.zeros((6, panels * 16), np.int16)
        tops = np.empty((6, 16), np.float32)
        factors = np.empty(6, np.float32)
        sums = np.empty((6, 16), np.int32)
        query, key, value = queries[h], keys[h], values[h]
        key_scale, value_scale = key_scales[h], value_scales[h, :positions]
        top = largest(value_scale)
        last = min((job % blocks + 1) * BLOCK, positions)
        for p in range(job % blocks * BLOCK, last, 6):
            count = min(6, last - p)
            for r in range(count):
                factors[r] = query_scales[h, p + r] * scale
            for r in range(6):
                for c in range(16):
                    tops[r, c] = np.float32(-1e30)
            for n in range(panels):
                six_rows(query, p * size, size, key, n * size * 16, size // 2, sums)
                spread(sums, factors, key_scale, n * 16, scores, tops)
            for r in range(count):
                factors[r] = softmax(scores[r], largest(tops[r]), value_scale, top, weights[r])
            for n in range(size // 16):
                six_rows(weights, 0, panels * 16, value, n * value.shape[1] * 32, value.shape[1], sums)
                for r in range(count):
                    for c in range(16):
                        out[p + r, h * size + n * 16 + c] = np.float32(sums[r, c]) * factors[r]


@numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def spread(sums, factors, scales, column, scores, tops):
    """A tile's sums to scores of the positions from ``column``; ``tops`` (6, 16) keeps the highest of each lane."""
    for r in range(6):
        for c in range(16):
            score = np.float32(sums[r, c]) * (factors[r] * scales[column + c])
            scores[r, column + c] = score
            tops[r, c] = max(tops[r, c], score)


@numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def largest(x):
    top = np.float32(-1e30)
    for i in range(x.size):
        top = max(top, x[i])
    return top


@numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def softmax(scores, highest, value_scales, top, weights):
    """Probabilities times the values' scales, as integers; gives what their sums with values are multiplied by.

    scores: (≥ positions,) float32, overwritten; none above ``highest``. value_scales: (positions,), none above ``top``.
    """
    positions = value_scales.size
    total, scaled = np.float32(0), np.float32(0)
    for p in range(positions):
        power = two_to(max((scores[p] - highest) * LOG2_E, np.float32(-120)))
        weight = power * value_scales[p]
        total += power
        scaled += weight
        scores[p] = weight
    step = min(np.float32(WEIGHT_STEPS) / top, np.float32(WEIGHT_SUM) / scaled)
    for p in range(positions):
        weights[p] = np.int16(np.rint(scores[p] * step))
    return np.float32(1) / (step * total)


@numba.njit(cache=True, parallel=True, fastmath=True, nogil=True, error_model="numpy")
def go_on(x, heard, out_weights, norm_weight, norm_bias, up, down):
    """What follows attention: its last projection and the perceptron, both added to ``x`` (positions, width)."""
    positions, width = x.shape
    wide = 16 * up.panels.shape[0]
    for block in numba.prange(-(-positions // BLOCK)):
        at = block * BLOCK
        count = min(BLOCK, positions - at)
        rows = np.zeros((BLOCK, width), np.int16)
        scales = np.empty(BLOCK, np.float32)
        for r in range(count):
            scales[r] = quantise(heard[at + r], out_weights.steps, rows[r])
        multiply(rows, scales, count, out_weights, True, x[at : at + count])
        normed = np.empty(width, np.float32)
        for r in range(count):
            normalise(x[at + r], norm_weight, norm_bias, normed)
            scales[r] = quantise(normed, up.steps, rows[r])
        hidden = np.empty((BLOCK, wide), np.float32)
        multiply(rows, scales, count, up, False, hidden)
        more = np.zeros((BLOCK, wide), np.int16)
        for r in range(count):
            gelu(hidden[r])
            scales[r] = quantise(hidden[r], down.steps, more[r])
        multiply(more, scales, count, down, True, x[at : at + count])
