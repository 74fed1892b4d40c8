"""A step of the decoder in one call: few rows, so that what counts is reading each weight once, 8 bits of it."""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, no-untyped-def, misc"

from __future__ import annotations

import numba
import numpy as np

from transcriber.engines.whisper.integers import gelu, loudest, multiply, normalise, put, quantise, six_rows
from transcriber.engines.whisper.kernels import attend_cross, attend_self
from transcriber.engines.whisper.tiles import tile

one_row, three_rows = tile(1), tile(3)

BLOCK = 48
SHARED_FROM = 4_000_000
"""Products from which a layer is shared among threads: waiting for each other costs as much as a million."""

PANELS_AT_ONCE = 8


@numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def multiply_panels(rows, row_scales, count, weights, layer, first, last, added, out):
    """As integers.multiply, for panels from ``first`` to ``last`` of one of stacked layers and any number of rows.

    rows: (count filled up to 6, inputs) int16.
    """
    inputs = rows.shape[1]
    pairs = inputs // 2
    sums = np.empty((6, 16), np.int32)
    for panel in range(first, last):
        at = (layer * weights.panels.shape[1] + panel) * inputs * 16
        row = 0
        while row < count:
            start = row * inputs
            if count - row > 3:
                six_rows(rows, start, inputs, weights.panels, at, pairs, sums)
                end = row + 6
            elif count - row > 1:
                three_rows(rows, start, inputs, weights.panels, at, pairs, sums)
                end = row + 3
            else:
                one_row(rows, start, inputs, weights.panels, at, pairs, sums)
                end = row + 1
            put(
                sums,
                row_scales,
                row,
                min(end, count),
                weights.scales[layer],
                weights.bias[layer],
                panel * 16,
                added,
                out,
            )
            row = end


@numba.njit(cache=True, parallel=True, fastmath=True, nogil=True, error_model="numpy")
def multiply_shared(rows, row_scales, count, weights, layer, added, out):
    """As ``multiply_panels`` for all of them, by all threads."""
    panels = weights.panels.shape[1]
    for job in numba.prange(-(-panels // PANELS_AT_ONCE)):
        first = job * PANELS_AT_ONCE
        last = min(first + PANELS_AT_ONCE, panels)
        multiply_panels(rows, row_scales, count, weights, layer, first, last, added, out)


@numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def linear(source, weights, layer, added, out):
    """(count, inputs) float32 by one of stacked layers into ``out`` (count, outputs filled up) float32."""
    count, inputs = source.shape
    rows = np.empty((count + 5, inputs), np.int16)
    scales = np.empty(count, np.float32)
    for row in range(count):
        scales[row] = quantise(source[row], weights.steps[layer], rows[row])
    panels = weights.panels.shape[1]
    if count * inputs * panels * 16 >= SHARED_FROM:
        multiply_shared(rows, scales, count, weights, layer, added, out)
    else:
        multiply_panels(rows, scales, count, weights, layer, 0, panels, added, out)


@numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def norm(x, norms, layer, out):
    """The norm before a part of a layer; ``norms``: (layers, 2, width), weights and biases."""
    for row in range(x.shape[0]):
        normalise(x[row], norms[layer, 0], norms[layer, 1], out[row])


@numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def step(x, weights, own, heard, rows, slots, positions, record_at):
    """All layers, in place: x (tokens, width) float32.

    ``weights``: integer_decoder.Weights. ``own``: keys and values of tokens; ``heard``: of the audio, with what is
    recorded: see kernels.attend_self and attend_cross, with layers as the first dimension of each.
    """
    own_keys, own_values = own
    keys, key_scales, values, value_scales, lengths, recorded, scores = heard
    tokens, width = x.shape
    normed, result = np.empty_like(x), np.empty_like(x)
    triple = np.empty((tokens, 3 * width), np.float32)
    wide = np.empty((tokens, 16 * weights.up.panels.shape[1]), np.float32)
    for layer in range(keys.shape[0]):
        norm(x, weights.self_norm, layer, normed)
        linear(normed, weights.query_key_value, layer, False, triple)
        attend_self(triple, own_keys[layer], own_values[layer], rows, positions, result)
        linear(result, weights.self_out, layer, True, x)
        norm(x, weights.cross_norm, layer, normed)
        linear(normed, weights.cross_query, layer, False, result)
        attend_cross(
            result,
            keys[layer],
            key_scales[layer],
            values[layer],
            value_scales[layer],
            slots,
            lengths,
            recorded[layer],
            record_at,
            scores,
            normed,
        )
        linear(normed, weights.cross_out, layer, True, x)
        norm(x, weights.mlp_norm, layer, normed)
        linear(normed, weights.up, layer, False, wide)
        for token in range(tokens):
            gelu(wide[token])
        linear(wide, weights.down, layer, True, x)


@numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def follow(x, norms, vocabulary, logits):
    """Last norm and vocabulary: x (tokens, width) to logits (tokens, vocabulary filled up)."""
    normed = np.empty_like(x)
    norm(x, norms, 0, normed)
    linear(normed, vocabulary, 0, False, logits)


@numba.njit(cache=True, parallel=True, fastmath=True, nogil=True, error_model="numpy")
def hear(features, weights, heads, keys, key_scales, values, value_scales):
    """Keep one layer's keys and values of one piece of audio, features (positions, width): see kernels.remember."""
    positions, width = features.shape
    size = width // heads
    for block in numba.prange(-(-positions // BLOCK)):
        at = block * BLOCK
        count = min(BLOCK, positions - at)
        rows = np.zeros((BLOCK, width), np.int16)
        scales, steps = np.zeros(BLOCK, np.float32), np.empty(BLOCK, np.float32)
        for r in range(count):
            scales[r] = quantise(features[at + r], weights.steps, rows[r])
        part = np.empty((BLOCK, size), np.float32)
        for h in range(heads):
            multiply(rows, scales, count, weights, weights.bias, 0, h * size, False, part)
            for r in range(count):
                top = loudest(part[r])
                key_scales[h, at + r] = top / np.float32(127)
                step = np.float32(127) / top
                for i in range(size):
                    keys[h, at + r, i] = np.int8(np.rint(part[r, i] * step))
            multiply(rows, scales, count, weights, weights.bias, 0, width + h * size, False, part)
            for r in range(count):
                top = loudest(part[r])
                value_scales[h, at + r] = top / np.float32(127)
                steps[r] = np.float32(127) / top
            for i in range(size):
                for r in range(count):
                    values[h, i, at + r] = np.int8(np.rint(part[r, i] * steps[r]))
