"""The encoder in whole numbers: convolutions; of a layer projections, attention, the rest. Blocks stay in the cache."""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, no-untyped-def, misc"

from __future__ import annotations

import numba
import numpy as np

from transcriber.engines.whisper.compiled import kernel
from transcriber.engines.whisper.exponentials import highest
from transcriber.engines.whisper.integers import LOG2_E, gelu, multiply, normalise, quantise, scaled_six, two_to
from transcriber.engines.whisper.kernels import put_value
from transcriber.engines.whisper.keys import BYTE_STEPS, BYTES, TOGETHER, fill, put_key, put_query, scored

BLOCK = 48
"""Positions at a time; a multiple of a tile's rows."""

HEAD_STEPS = BYTE_STEPS if BYTES else 4095.0
"""In queries and keys: 64 products of them stay within 32 bits."""

VALUE_STEPS = 1023.0
WEIGHT_STEPS = 32767.0
WEIGHT_SUM = 2.0e6
"""Probabilities have as many steps as leave their sum with values within 32 bits."""

WIDE = 512
"""Outputs of the perceptron's first half that go through the second before the next come."""

scored_six = scored(6)


def whole_blocks(positions: int) -> int:
    """So many positions filled up to blocks."""
    return -(-positions // BLOCK) * BLOCK


@kernel(parallel=True)
def convolve(rows, scale, count, weights, part, out):
    """``count`` rows by ``weights`` (a Layer), ``part`` inputs after ``part`` inputs, and GELU.

    rows: (count filled up to blocks, inputs) int16, all with one ``scale``. out: (as many, outputs) float32.
    """
    inputs = rows.shape[1]
    factors = np.full(BLOCK, scale, np.float32)
    nothing = np.zeros_like(weights.bias)
    for block in numba.prange(-(-count // BLOCK)):
        at = block * BLOCK
        some = min(BLOCK, count - at)
        here = out[at : at + BLOCK]
        for first in range(0, inputs, part):
            shift = nothing if first else weights.bias
            multiply(
                rows[at : at + BLOCK, first : first + part], factors, some, weights, shift, first, 0, first > 0, here
            )
        for r in range(some):
            gelu(here[r])


@kernel(parallel=True)
def project(x, positions, norm, weights, queries, query_scales, begins, keys, key_scales, values, value_scales):
    """Norm, then query, key and value of each head, quantised by position.

    x: (positions filled up to blocks, width) float32. queries: (heads, positions filled up to 6, size), with ``begins``
    (heads, as many); keys: panels of each head, see keys.py; values: panels (heads, size / 16, positions / 2, 16, 2)
    int16; scales: (heads, positions or more). norm: weights and biases.
    """
    width = x.shape[1]
    heads, _, size = queries.shape
    for block in numba.prange(-(-positions // BLOCK)):
        at = block * BLOCK
        count = min(BLOCK, positions - at)
        rows = np.zeros((BLOCK, width), np.int16)
        scales = np.zeros(BLOCK, np.float32)
        normed = np.empty(width, np.float32)
        for r in range(count):
            normalise(x[at + r], norm[0], norm[1], normed)
            scales[r] = quantise(normed, weights.steps, rows[r])
        out = np.empty((BLOCK, size), np.float32)
        whole = np.empty(size, np.int16)
        for h in range(heads):
            multiply(rows, scales, count, weights, weights.bias, 0, h * size, False, out)
            for r in range(count):
                p = at + r
                query_scales[h, p], begins[h, p] = put_query(out[r], HEAD_STEPS, queries[h, p])
            multiply(rows, scales, count, weights, weights.bias, 0, width + h * size, False, out)
            for r in range(count):
                p = at + r
                key_scales[h, p] = quantise(out[r], HEAD_STEPS, whole)
                put_key(whole, keys[h], p)
            multiply(rows, scales, count, weights, weights.bias, 0, 2 * width + h * size, False, out)
            for r in range(count):
                p = at + r
                value_scales[h, p] = quantise(out[r], VALUE_STEPS, whole)
                put_value(whole, values[h], p)
    for h in range(heads):
        fill(keys[h], key_scales[h], positions)


@kernel(parallel=True)
def attend(positions, queries, query_scales, begins, keys, key_scales, values, value_scales, scale, out):
    """Attention of every position to all; shapes as in ``project``. out: (positions filled up to blocks, width)."""
    heads, _, size = queries.shape
    panels, groups = keys.shape[1], size // TOGETHER
    length = panels * 16
    width = out.shape[1]
    blocks = -(-positions // BLOCK)
    for job in numba.prange(heads * blocks):
        h = job // blocks
        scores = np.empty((6, length), np.float32)
        weights = np.zeros((6, length), np.int16)
        tops = np.empty((6, 8), np.float32)
        factors = np.zeros(6, np.float32)
        ones, nothing = np.ones(16, np.float32), np.zeros(16, np.float32)
        query, key, value = queries[h], keys[h], values[h]
        key_scale, value_scale = key_scales[h], value_scales[h, :positions]
        pairs = value.shape[1]
        top = highest(value_scale)
        last = min((job % blocks + 1) * BLOCK, positions)
        for p in range(job % blocks * BLOCK, last, 6):
            tops[:] = np.float32(-1e30)
            six = begins[h, p : p + 6]
            for n in range(panels):
                c, b = n * 16, n * size * 16
                scored_six(query, p * size, size, key, b, groups, six, key_scale, c, scores, length, tops)
            for r in range(min(6, last - p)):
                factor = query_scales[h, p + r] * scale * LOG2_E
                factors[r] = softmax(scores[r], highest(tops[r]), factor, value_scale, top, weights[r])
            for n in range(size // 16):
                b = n * pairs * 32
                to = p * width + h * size + n * 16
                scaled_six(weights, 0, length, value, b, pairs, factors, 0, ones, nothing, 0, False, out, to, width)


@kernel()
def softmax(scores, most, factor, value_scales, top, weights):
    """Probabilities times the values' scales, as integers; gives what their sums with values are multiplied by.

    scores: (≥ positions,) float32, overwritten; none above ``most``; ``factor`` × scores are exponents of two.
    value_scales: (positions,), none above ``top``.
    """
    positions = value_scales.size
    total, scaled = np.float32(0), np.float32(0)
    for p in range(positions):
        power = two_to(max((scores[p] - most) * factor, np.float32(-120)))
        weight = power * value_scales[p]
        total += power
        scaled += weight
        scores[p] = weight
    step = min(np.float32(WEIGHT_STEPS) / top, np.float32(WEIGHT_SUM) / scaled)
    for p in range(positions):
        weights[p] = np.int16(np.rint(scores[p] * step))
    return np.float32(1) / (step * total)


@kernel(parallel=True)
def go_on(x, positions, heard, out_weights, norm_weight, norm_bias, up, down):
    """What follows attention: its last projection and the perceptron, both added to ``x``.

    x, heard: (positions filled up to blocks, width) float32.
    """
    width = x.shape[1]
    wide = 2 * down.panels.shape[1]
    nothing = np.zeros_like(down.bias)
    for block in numba.prange(-(-positions // BLOCK)):
        at = block * BLOCK
        count = min(BLOCK, positions - at)
        here = x[at : at + BLOCK]
        rows = np.zeros((BLOCK, width), np.int16)
        scales = np.zeros(BLOCK, np.float32)
        for r in range(count):
            scales[r] = quantise(heard[at + r], out_weights.steps, rows[r])
        multiply(rows, scales, count, out_weights, out_weights.bias, 0, 0, True, here)
        normed = np.empty(width, np.float32)
        for r in range(count):
            normalise(here[r], norm_weight, norm_bias, normed)
            scales[r] = quantise(normed, up.steps, rows[r])
        more_scales = np.zeros(BLOCK, np.float32)
        for first in range(0, wide, WIDE):
            hidden = np.empty((BLOCK, min(WIDE, wide - first)), np.float32)
            more = np.zeros(hidden.shape, np.int16)
            multiply(rows, scales, count, up, up.bias, 0, first, False, hidden)
            for r in range(count):
                gelu(hidden[r])
                more_scales[r] = quantise(hidden[r], down.steps, more[r])
            shift = nothing if first else down.bias
            multiply(more, more_scales, count, down, shift, first, 0, True, here)
