"""A step of the decoder in one call: few rows, so that what counts is reading each weight once, 8 bits of it."""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, no-untyped-def, misc"

from __future__ import annotations

import numba
import numpy as np

from transcriber.engines.whisper.compiled import kernel
from transcriber.engines.whisper.integers import gelu, multiply, normalise, quantise
from transcriber.engines.whisper.kernels import STEPS, attend_cross, attend_self, put_value
from transcriber.engines.whisper.keys import fill, put_key
from transcriber.engines.whisper.tiles import COLUMNS, ROWS, scaled_tile

one_row, two_rows, three_rows, four_rows, five_rows, six_rows = (scaled_tile(rows) for rows in range(1, ROWS + 1))

BLOCK = 48
SHARED_FROM = 4_000_000
"""Products from which a layer is shared among threads: waiting for each other costs as much as a million."""

PANELS_AT_ONCE = 8


@kernel()
def multiply_panels(rows, factors, weights, layer, first, last, added, out):
    """As integers.multiply, for panels from ``first`` to ``last`` of one of stacked layers and any number of rows.

    rows: (count, inputs) int16; factors: (count,), the rows' scales. out: (count, outputs) float32; what fills up the
    last panel may be left out of it.
    """
    count, inputs = rows.shape
    scales, bias = weights.scales[layer], weights.bias[layer]
    for panel in range(first, last):
        at = (layer * weights.panels.shape[1] + panel) * inputs * COLUMNS
        column = panel * COLUMNS
        if column + COLUMNS <= out.shape[1]:
            multiply_panel(rows, factors, weights.panels, at, scales, bias, column, added, out, column)
        else:
            rest = np.zeros((count, COLUMNS), np.float32)
            multiply_panel(rows, factors, weights.panels, at, scales, bias, column, False, rest, 0)
            for row in range(count):
                for c in range(column, out.shape[1]):
                    out[row, c] = rest[row, c - column] + (out[row, c] if added else np.float32(0))


@kernel()
def multiply_panel(rows, factors, panels, at, scales, bias, column, added, out, to):
    """All rows by the panel that begins at ``at``, into or onto the columns of ``out`` from ``to`` on."""
    count, inputs = rows.shape
    pairs, stride = inputs // 2, out.shape[1]
    row = 0
    while row + ROWS <= count:
        a, o = row * inputs, row * stride + to
        six_rows(rows, a, inputs, panels, at, pairs, factors, row, scales, bias, column, added, out, o, stride)
        row += ROWS
    a, o = row * inputs, row * stride + to
    if count - row == 5:
        five_rows(rows, a, inputs, panels, at, pairs, factors, row, scales, bias, column, added, out, o, stride)
    elif count - row == 4:
        four_rows(rows, a, inputs, panels, at, pairs, factors, row, scales, bias, column, added, out, o, stride)
    elif count - row == 3:
        three_rows(rows, a, inputs, panels, at, pairs, factors, row, scales, bias, column, added, out, o, stride)
    elif count - row == 2:
        two_rows(rows, a, inputs, panels, at, pairs, factors, row, scales, bias, column, added, out, o, stride)
    elif count - row == 1:
        one_row(rows, a, inputs, panels, at, pairs, factors, row, scales, bias, column, added, out, o, stride)


@kernel(parallel=True)
def multiply_shared(rows, factors, weights, layer, added, out):
    """As ``multiply_panels`` for all of them, by all threads."""
    panels = weights.panels.shape[1]
    for job in numba.prange(-(-panels // PANELS_AT_ONCE)):
        first = job * PANELS_AT_ONCE
        last = min(first + PANELS_AT_ONCE, panels)
        multiply_panels(rows, factors, weights, layer, first, last, added, out)


@kernel()
def linear(source, weights, layer, added, out):
    """(count, inputs) float32 by one of stacked layers into or ``added`` onto ``out`` (count, outputs) float32."""
    count, inputs = source.shape
    rows = np.empty((count, inputs), np.int16)
    scales = np.empty(count, np.float32)
    for row in range(count):
        scales[row] = quantise(source[row], weights.steps[layer], rows[row])
    panels = weights.panels.shape[1]
    if count * inputs * panels * 16 >= SHARED_FROM:
        multiply_shared(rows, scales, weights, layer, added, out)
    else:
        multiply_panels(rows, scales, weights, layer, 0, panels, added, out)


@kernel()
def norm(x, norms, layer, out):
    """The norm before a part of a layer; ``norms``: (layers, 2, width), weights and biases."""
    for row in range(x.shape[0]):
        normalise(x[row], norms[layer, 0], norms[layer, 1], out[row])


@kernel()
def step(x, weights, own, heard, rows, slots, positions, record_at):
    """All layers, in place: x (tokens, width) float32.

    ``weights``: integer_decoder.Weights. ``own``: keys and values of tokens; ``heard``: of the audio, with what is
    recorded: see kernels.attend_self and attend_cross, with layers as the first dimension of each.
    """
    own_keys, own_values, own_scales, writers = own
    keys, key_scales, values, value_scales, lengths, recorded, scores = heard
    tokens, width = x.shape
    normed, result = np.empty_like(x), np.empty_like(x)
    triple = np.empty((tokens, 3 * width), np.float32)
    wide = np.empty((tokens, 16 * weights.up.panels.shape[1]), np.float32)
    for layer in range(keys.shape[0]):
        norm(x, weights.self_norm, layer, normed)
        linear(normed, weights.query_key_value, layer, False, triple)
        kept = own_keys[layer], own_values[layer], own_scales[layer]
        attend_self(triple, *kept, writers, rows, slots, positions, result)
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


@kernel()
def follow(x, norms, vocabulary, logits):
    """Last norm and vocabulary: x (tokens, width) to logits (tokens, vocabulary)."""
    normed = np.empty_like(x)
    norm(x, norms, 0, normed)
    linear(normed, vocabulary, 0, False, logits)


@kernel(parallel=True)
def hear(features, weights, heads, keys, key_scales, values, value_scales):
    """Keep one layer's keys and values of one piece of audio, features (positions, width): see kernels.remember."""
    positions, width = features.shape
    size = width // heads
    for block in numba.prange(-(-positions // BLOCK)):
        at = block * BLOCK
        count = min(BLOCK, positions - at)
        rows = np.zeros((BLOCK, width), np.int16)
        scales = np.zeros(BLOCK, np.float32)
        whole = np.empty(size, np.int16)
        for r in range(count):
            scales[r] = quantise(features[at + r], weights.steps, rows[r])
        part = np.empty((BLOCK, size), np.float32)
        for h in range(heads):
            multiply(rows, scales, count, weights, weights.bias, 0, h * size, False, part)
            for r in range(count):
                key_scales[h, at + r] = quantise(part[r], STEPS, whole)
                put_key(whole, keys[h], at + r)
            multiply(rows, scales, count, weights, weights.bias, 0, width + h * size, False, part)
            for r in range(count):
                value_scales[h, at + r] = quantise(part[r], STEPS, whole)
                put_value(whole, values[h], at + r)
    for h in range(heads):
        fill(keys[h], key_scales[h], positions)
