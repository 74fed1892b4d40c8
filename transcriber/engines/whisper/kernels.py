"""What torch has no fast kernel for on a CPU: attention of single tokens to caches of their own. numba.

A step of the decoder reads the whole cross-attention cache of each sequence, and memory is what limits it.
Held in 8 bits with a scale for each position and head, it is a quarter of float32's size; products with
16-bit queries and probabilities are exact in 32-bit integers.
"""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, no-untyped-def, misc"
# ruff: noqa: PLR0912, PLR0915 - a kernel is one loop

from __future__ import annotations

import numba
import numpy as np

SCORE_STEPS = 256.0
"""Recorded scores are 16-bit integers: 1/256 apart, up to 128."""

_LOG2_E = np.float32(1.4426950408889634)


@numba.njit(cache=True, parallel=True, fastmath=True)
def remember(projected, heads, keys, key_scales, values, value_scales):
    """Quantise one layer of one sequence.

    projected: (positions, 2 × heads × size) float32, keys then values.
    keys: (heads, positions or more, size) int8; values: (heads, size, positions or more) int8;
    scales: (heads, positions or more) float32.
    """
    positions = projected.shape[0]
    size = projected.shape[1] // (2 * heads)
    for head in numba.prange(heads):
        for p in range(positions):
            base = head * size
            top = np.float32(1e-12)
            for i in range(size):
                top = max(top, abs(projected[p, base + i]))
            key_scales[head, p] = top / np.float32(127)
            inverse = np.float32(127) / top
            for i in range(size):
                keys[head, p, i] = np.int8(np.rint(projected[p, base + i] * inverse))
            base = (heads + head) * size
            top = np.float32(1e-12)
            for i in range(size):
                top = max(top, abs(projected[p, base + i]))
            value_scales[head, p] = top / np.float32(127)
            inverse = np.float32(127) / top
            for i in range(size):
                values[head, i, p] = np.int8(np.rint(projected[p, base + i] * inverse))


@numba.njit(cache=True, parallel=True, fastmath=True)
def attend_cross(query, keys, key_scales, values, value_scales, sources, lengths, recorded, record_at, scores, out):
    """Attention of each token to the audio of its sequence.

    query, out: (tokens, heads × size) float32, the query scaled already. keys: (slots, heads, positions, size)
    int8; values: (slots, heads, size, positions) int8; scales: (slots, heads, positions).
    sources: (tokens,) the slot of each token; lengths: (slots,) positions in use.
    recorded: (heads,) where in ``scores`` a head's scores go, -1 for nowhere; record_at: (tokens, 2) row and
    column, -1 for nowhere; scores: (rows, recorded heads, columns, positions) int16.
    """
    tokens = query.shape[0]
    heads = keys.shape[1]
    size = keys.shape[3]
    for job in numba.prange(tokens * heads):
        t = job // heads
        h = job % heads
        slot = sources[t]
        n = lengths[slot]
        base = h * size
        top = np.float32(1e-20)
        for i in range(size):
            top = max(top, abs(query[t, base + i]))
        step = np.float32(32767) / top
        q16 = np.empty(size, np.int16)
        for i in range(size):
            q16[i] = np.int16(query[t, base + i] * step)
        step = np.float32(1) / step
        s = np.empty(n, np.float32)
        k = keys[slot, h]
        ks = key_scales[slot, h]
        for p in range(n):
            total = np.int32(0)
            for i in range(size):
                total += np.int32(q16[i]) * np.int32(k[p, i])
            s[p] = np.float32(total) * step * ks[p]
        if recorded[h] >= 0 and record_at[t, 0] >= 0:
            row = scores[record_at[t, 0], recorded[h], record_at[t, 1]]
            for p in range(n):
                row[p] = np.int16(min(max(s[p] * np.float32(SCORE_STEPS), np.float32(-32767)), np.float32(32767)))
        highest = np.float32(-1e30)
        for p in range(n):
            highest = max(highest, s[p])
        bits = np.empty(n, np.int32)
        power = bits.view(np.float32)
        # 2^x of the whole part goes into the exponent's bits, of the fraction by a polynomial (error 1e-7).
        for p in range(n):
            x = max((s[p] - highest) * _LOG2_E, np.float32(-120))
            whole = np.floor(x)
            f = x - whole
            bits[p] = (np.int32(whole) + 127) << 23
            tail = np.float32(0.055826318) + f * (np.float32(0.0089893397) + f * np.float32(0.0018775767))
            s[p] = np.float32(0.99999994) + f * (np.float32(0.69315308) + f * (np.float32(0.24015361) + f * tail))
        vs = value_scales[slot, h]
        total_weight = np.float32(0)
        total_scaled = np.float32(0)
        most = np.float32(0)
        for p in range(n):
            w = s[p] * power[p]
            total_weight += w
            w *= vs[p]
            s[p] = w
            total_scaled += w
            most = max(most, w)
        # As many steps as 16 bits hold, and as few as keep the sum of products within 32.
        step = min(np.float32(32767) / most, np.float32(16e6) / total_scaled)
        w16 = np.empty(n, np.int16)
        for p in range(n):
            w16[p] = np.int16(s[p] * step)
        step = np.float32(1) / (step * total_weight)
        v = values[slot, h]
        for i in range(size):
            total = np.int32(0)
            vi = v[i]
            for p in range(n):
                total += np.int32(w16[p]) * np.int32(vi[p])
            out[t, base + i] = np.float32(total) * step


@numba.njit(cache=True, parallel=True, fastmath=True)
def attend_self(projected, keys, values, rows, positions, out):
    """Keep each token's key and value, then attend to all tokens of its sequence up to itself.

    projected: (tokens, 3 × heads × size) float32: query (scaled already), key, value.
    keys, values: (rows, heads, context, size) float32. rows, positions: (tokens,).
    out: (tokens, heads × size).
    """
    tokens = projected.shape[0]
    heads = keys.shape[1]
    size = keys.shape[3]
    width = heads * size
    for t in range(tokens):
        for h in range(heads):
            for i in range(size):
                keys[rows[t], h, positions[t], i] = projected[t, width + h * size + i]
                values[rows[t], h, positions[t], i] = projected[t, 2 * width + h * size + i]
    for job in numba.prange(tokens * heads):
        t = job // heads
        h = job % heads
        n = positions[t] + 1
        base = h * size
        k = keys[rows[t], h]
        v = values[rows[t], h]
        s = np.empty(n, np.float32)
        highest = np.float32(-1e30)
        for p in range(n):
            total = np.float32(0)
            for i in range(size):
                total += projected[t, base + i] * k[p, i]
            s[p] = total
            highest = max(highest, total)
        weight = np.float32(0)
        for p in range(n):
            s[p] = np.exp(s[p] - highest)
            weight += s[p]
        heard = np.zeros(size, np.float32)
        for p in range(n):
            for i in range(size):
                heard[i] += s[p] * v[p, i]
        for i in range(size):
            out[t, base + i] = heard[i] / weight
