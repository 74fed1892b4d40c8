"""What torch has no fast kernel for on a CPU: attention of single tokens to caches of their own. numba.

A step of the decoder reads the whole cross-attention cache of each sequence. It is held in 8 bits with a scale for each
position and head, in panels (see tiles), through which the tokens that hear the same audio go together: all hypotheses
of a window, or its prompt.
"""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, no-untyped-def, misc"

from __future__ import annotations

import numba
import numpy as np

from transcriber.engines.whisper.compiled import kernel
from transcriber.engines.whisper.exponentials import highest
from transcriber.engines.whisper.gathered import dotted, weighed
from transcriber.engines.whisper.integers import LOG2_E, loudest, quantise, two_to
from transcriber.engines.whisper.keys import BYTE_STEPS, BYTES, KIND, TOGETHER, fill, put_key, put_query, scored
from transcriber.engines.whisper.tiles import COLUMNS, ROWS, scaled_tile

SCORE_STEPS = 256.0
"""Recorded scores are 16-bit integers: 1/256 apart, up to 128."""

SIZE = 64
"""Of a head, in every Whisper: a number that is known makes short loops quick."""

STEPS = 127.0
QUERY_STEPS = 32767.0
HEARD_QUERY_STEPS = BYTE_STEPS if BYTES else QUERY_STEPS
WEIGHT_STEPS = 32767.0
WEIGHT_SUM = 16.0e6
"""Probabilities have as many steps as leave their sum with values within 32 bits."""

LEAST = np.float32(-60)
"""Exponents of two below this count as this: too little for any sum, and far from floats that take a CPU long."""

AT_ONCE = 4
"""Of a sequence's values that go into a sum while it is in registers."""

dot, weigh = dotted(SIZE), weighed(SIZE, AT_ONCE)
scored_one, scored_three, scored_five, scored_six = scored(1), scored(3), scored(5), scored(6)
heard_one, heard_three, heard_five, heard_six = scaled_tile(1), scaled_tile(3), scaled_tile(5), scaled_tile(6)


@kernel(parallel=True)
def remember(projected, heads, keys, key_scales, values, value_scales):
    """Quantise one layer of one sequence.

    projected: (positions, 2 × heads × size) float32, keys then values. keys: panels of each head, see keys.py; values:
    panels (heads, size / 16, positions / 2, 16, 2) int8; scales: (heads, positions or more) float32. What holds
    positions may hold more of them.
    """
    positions = projected.shape[0]
    size = projected.shape[1] // (2 * heads)
    for head in numba.prange(heads):
        whole = np.empty(size, np.int16)
        for p in range(positions):
            base = head * size
            key_scales[head, p] = quantise(projected[p, base : base + size], STEPS, whole)
            put_key(whole, keys[head], p)
            base = (heads + head) * size
            value_scales[head, p] = quantise(projected[p, base : base + size], STEPS, whole)
            put_value(whole, values[head], p)
        fill(keys[head], key_scales[head], positions)


@kernel(fastmath=False)
def put_value(whole, values, p):
    """One position's value (size,) into panels (size / 16, positions / 2, 16, 2)."""
    for i in range(whole.size):
        values[i // COLUMNS, p // 2, i % COLUMNS, p % 2] = whole[i]


@kernel(fastmath=False)
def together(sources):
    """Where those tokens begin that go through a cache together: neighbours with the same of ``sources`` (tokens,).

    At most a tile's rows each; the last is the end, so there is one more than there are groups.
    """
    starts = np.empty(sources.size + 1, np.int64)
    count = 0
    for t in range(sources.size):
        if t == 0 or sources[t] != sources[t - 1] or t - starts[count - 1] == ROWS:
            starts[count] = t
            count += 1
    starts[count] = sources.size
    return starts[: count + 1]


@kernel(parallel=True)
def attend_cross(query, keys, key_scales, values, value_scales, sources, lengths, recorded, record_at, scores, out):
    """Attention of each token to the audio of its sequence.

    query, out: (tokens, heads × size) float32, the query scaled already. keys, values, scales: as in ``remember``,
    with slots as a first dimension. sources: (tokens,) the slot of each token; lengths: (slots,) positions in use.
    recorded: (heads,) where in ``scores`` a head's scores go, -1 for nowhere; record_at: (tokens, 2) row and
    column, -1 for nowhere; scores: (rows, recorded heads, columns, positions) int16.
    """
    heads = keys.shape[1]
    size = query.shape[1] // heads
    starts = together(sources)
    for job in numba.prange((starts.size - 1) * heads):
        first, last = starts[job // heads], starts[job // heads + 1]
        h = job % heads
        slot = sources[first]
        positions = lengths[slot]
        panels = -(-positions // COLUMNS)
        found = np.empty((ROWS, panels * COLUMNS), np.float32)
        tops = np.full((ROWS, 8), np.float32(-1e30))
        factors = np.zeros(ROWS, np.float32)
        whole = np.zeros((ROWS, size), KIND)
        begins = np.zeros(ROWS, np.int32)
        for t in range(first, last):
            r = t - first
            factors[r], begins[r] = put_query(query[t, h * size : (h + 1) * size], HEARD_QUERY_STEPS, whole[r])
        score(last - first, whole, begins, keys[slot, h], key_scales[slot, h], panels, found, tops)
        weights = np.zeros((ROWS, panels * COLUMNS), np.int16)
        scales = value_scales[slot, h, :positions]
        top = loudest(scales)
        for t in range(first, last):
            r = t - first
            if recorded[h] >= 0 and record_at[t, 0] >= 0:
                record(found[r], factors[r], scores[record_at[t, 0], recorded[h], record_at[t, 1], :positions])
            factors[r] = share(found[r], tops[r].max(), factors[r] * LOG2_E, scales, top, weights[r])
        heard = np.empty((ROWS, size), np.float32)
        hear(last - first, weights, values[slot, h], factors, heard)
        for t in range(first, last):
            for i in range(size):
                out[t, h * size + i] = heard[t - first, i]


@kernel()
def score(count, query, begins, keys, scales, panels, out, tops):
    """Products of up to six queries with all keys; see tiles.scored_tile."""
    size, width = query.shape[1], out.shape[1]
    groups = size // TOGETHER
    for n in range(panels):
        c, b = n * COLUMNS, n * COLUMNS * size
        if count == 1:
            scored_one(query, 0, size, keys, b, groups, begins, scales, c, out, width, tops)
        elif count <= 3:
            scored_three(query, 0, size, keys, b, groups, begins, scales, c, out, width, tops)
        elif count <= 5:
            scored_five(query, 0, size, keys, b, groups, begins, scales, c, out, width, tops)
        else:
            scored_six(query, 0, size, keys, b, groups, begins, scales, c, out, width, tops)


@kernel()
def record(scores, factor, out):
    """Scores times ``factor`` as 16-bit integers."""
    steps = factor * np.float32(SCORE_STEPS)
    for p in range(out.size):
        out[p] = np.int16(min(max(scores[p] * steps, np.float32(-32767)), np.float32(32767)))


@kernel()
def share(scores, most, factor, value_scales, top, weights):
    """Probabilities times the values' scales, as integers; gives what their sums with values are multiplied by.

    scores: (≥ positions,) float32, overwritten; none above ``most``; ``factor`` × scores are exponents of two.
    value_scales: (positions,), none above ``top``.
    """
    total, scaled = np.float32(0), np.float32(0)
    for p in range(value_scales.size):
        power = two_to(max((scores[p] - most) * factor, LEAST))
        weight = power * value_scales[p]
        total += power
        scaled += weight
        scores[p] = weight
    step = min(np.float32(WEIGHT_STEPS) / top, np.float32(WEIGHT_SUM) / scaled)
    for p in range(value_scales.size):
        weights[p] = np.int16(scores[p] * step)
    return np.float32(1) / (step * total)


@kernel()
def hear(count, weights, values, factors, out):
    """Values (size / 16, positions / 2 or more, 16, 2) by up to six rows of weights (6, positions) to (6, size)."""
    length, size = weights.shape[1], out.shape[1]
    ones, nothing = np.ones(COLUMNS, np.float32), np.zeros(COLUMNS, np.float32)
    pairs = length // 2
    for n in range(size // COLUMNS):
        b, to = n * values.shape[1] * 2 * COLUMNS, n * COLUMNS
        if count == 1:
            heard_one(weights, 0, length, values, b, pairs, factors, 0, ones, nothing, 0, False, out, to, size)
        elif count <= 3:
            heard_three(weights, 0, length, values, b, pairs, factors, 0, ones, nothing, 0, False, out, to, size)
        elif count <= 5:
            heard_five(weights, 0, length, values, b, pairs, factors, 0, ones, nothing, 0, False, out, to, size)
        else:
            heard_six(weights, 0, length, values, b, pairs, factors, 0, ones, nothing, 0, False, out, to, size)


@kernel(parallel=True)
def attend_self(projected, keys, values, scales, writers, rows, sources, positions, out):
    """Keep each token's key and value, then attend to all tokens of its sequence up to itself.

    projected: (tokens, 3 × heads × size) float32: query (scaled already), key, value.
    keys, values: (rows, heads, context, size) int8; scales: (rows, heads, context, 2) float32, theirs. writers: (rows,
    context), in which row the sequence that is now in each has its token at each position. rows, sources, positions:
    (tokens,), the rows in the same one of ``sources`` having most of what they attend to in common. out: (tokens, heads
    × size).
    """
    heads, size = keys.shape[1], keys.shape[3]
    keep(projected, keys, values, scales, writers, rows, positions)
    starts = together(sources)
    for job in numba.prange((starts.size - 1) * heads):
        h = job % heads
        for t in range(starts[job // heads], starts[job // heads + 1]):
            wrote = writers[rows[t], : positions[t] + 1]
            here = out[t, h * size : (h + 1) * size]
            attend_one(projected[t, h * size : (h + 1) * size], keys[:, h], values[:, h], scales[:, h], wrote, here)


@kernel(fastmath=False)
def keep(projected, keys, values, scales, writers, rows, positions):
    """Put each token's key and value where its row and position are."""
    heads, size = keys.shape[1], keys.shape[3]
    for t in range(rows.size):
        row, p = rows[t], positions[t]
        writers[row, p] = row
        for h in range(heads):
            key, value = (heads + h) * size, (2 * heads + h) * size
            scales[row, h, p, 0] = quantise(projected[t, key : key + size], STEPS, keys[row, h, p])
            scales[row, h, p, 1] = quantise(projected[t, value : value + size], STEPS, values[row, h, p])


@kernel()
def attend_one(query, keys, values, scales, writers, out):
    """Attention of one query (size,) to what ``writers`` (positions,) wrote at each position."""
    whole = np.empty(SIZE, np.int16)
    factor = quantise(query, QUERY_STEPS, whole) * LOG2_E
    positions = writers.size
    places = np.zeros(positions + AT_ONCE, np.int64)
    s = np.zeros(positions + AT_ONCE, np.float32)
    value_scales = np.empty(positions, np.float32)
    row = keys.strides[0]
    for p in range(positions):
        places[p] = writers[p] * row + p * SIZE
        scale = scales[writers[p], p]
        s[p] = np.float32(dot(whole, keys, places[p])) * factor * scale[0]
        value_scales[p] = scale[1]
    top, weight = highest(s[:positions]), np.float32(0)
    for p in range(positions):
        power = two_to(max(s[p] - top, LEAST))
        weight += power
        s[p] = power * value_scales[p]
    out[:] = np.float32(0)
    # What is past the end weighs nothing.
    for p in range(0, positions, AT_ONCE):
        weigh(values, places[p:], s[p:], out)
    for i in range(SIZE):
        out[i] /= weight
