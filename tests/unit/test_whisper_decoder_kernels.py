"""What a step of the decoder does on a CPU, against the same in plain products: attention, layers, candidates."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from transcriber.engines.whisper import kernels
from transcriber.engines.whisper.caches import Int8Caches, Shape, Tokens
from transcriber.engines.whisper.candidates import likeliest
from transcriber.engines.whisper.decoder_kernels import linear
from transcriber.engines.whisper.integers import layer, stacked

HEADS, SIZE, SLOTS, ROWS = 3, 64, 3, 12
WIDTH = HEADS * SIZE


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(4)


@pytest.fixture
def caches() -> Int8Caches:
    return Int8Caches(Shape(1, HEADS, WIDTH, 20, 70, ROWS, SLOTS, ((1,),)))


def tokens_of(rows: list[int], slots: list[int], positions: list[int], columns: list[int]) -> Tokens:
    return Tokens(np.zeros(len(rows), np.int64), *(np.array(one) for one in (rows, slots, positions, columns)))


def attended(
    queries: NDArray[np.float32], keys: NDArray[np.float32], values: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(heads, size) by (heads, positions, size), in float32."""
    scores = np.einsum("hs,hps->hp", queries, keys)
    weights = np.exp(scores - scores.max(1, keepdims=True))
    found: NDArray[np.float32] = np.einsum("hp,hps->hs", weights / weights.sum(1, keepdims=True), values)
    return found


def test_tokens_that_hear_the_same_hear_it_as_each_would_alone(random: np.random.Generator, caches: Int8Caches) -> None:
    """Groups of one, five, and more than fit a tile; lengths that fill panels and do not; a slot used before."""
    lengths = [48, 61, 3]
    heard = [random.standard_normal((length, 2 * WIDTH)).astype(np.float32) for length in lengths]
    caches.hear(2, 0, torch.from_numpy(30 * random.standard_normal((70, 2 * WIDTH)).astype(np.float32)))
    for slot, projected in enumerate(heard):
        caches.hear(slot, 0, torch.from_numpy(projected))
    slots = [0, 1, 1, 1, 1, 1, *[2] * 8]
    tokens = tokens_of([0, 4, 5, 6, 7, 7, *[8] * 8], slots, [0] * 14, [0, 0, 0, 0, 1, -1, *range(8)])
    query = (random.standard_normal((14, WIDTH)) * SIZE**-0.5).astype(np.float32)
    found = caches.attend_cross(0, torch.from_numpy(query), tokens).numpy()
    for token, slot in enumerate(slots):
        keys, values = heard[slot].reshape(lengths[slot], 2, HEADS, SIZE).transpose(1, 2, 0, 3)
        queries = query[token].reshape(HEADS, SIZE)
        expected = attended(queries, keys, values).ravel()
        assert np.linalg.norm(found[token] - expected) < 0.02 * np.linalg.norm(expected)
        if tokens.columns[token] >= 0:
            recorded = caches.scores(tokens.rows[token : token + 1].repeat(tokens.columns[token] + 1), slot)[0, -1]
            np.testing.assert_allclose(recorded, keys[1] @ queries[1], atol=0.05)


def test_a_row_attends_to_what_it_was_given_and_not_to_what_others_wrote_since(
    random: np.random.Generator, caches: Int8Caches
) -> None:
    projected = random.standard_normal((5, 3 * WIDTH)).astype(np.float32)
    parts = projected.reshape(5, 3, HEADS, SIZE)

    def write(token: int, row: int, position: int) -> NDArray[np.float32]:
        at = tokens_of([row], [0], [position], [-1])
        found: NDArray[np.float32] = caches.attend_self(0, torch.from_numpy(projected[[token]]), at)[0].numpy()
        return found

    write(0, 0, 0)
    caches.move(np.array([0]), np.array([1]), np.array([0]), np.array([1]))
    write(1, 0, 1)
    write(2, 1, 1)
    # The two change places: what each wrote goes along.
    caches.move(np.array([0, 1]), np.array([1, 0]), np.array([1, 1]), np.array([2, 2]))
    for token, row, history in ((3, 1, [0, 1, 3]), (4, 0, [0, 2, 4])):
        expected = attended(parts[token, 0], *parts[history, 1:].transpose(1, 2, 0, 3))
        assert np.linalg.norm(write(token, row, 2) - expected.ravel()) < 0.01 * np.linalg.norm(expected)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 11])
def test_a_layer_takes_any_number_of_rows_and_writes_no_more_than_there_is_room_for(
    random: np.random.Generator, count: int
) -> None:
    layers = [torch.from_numpy(random.standard_normal((37, 32)).astype(np.float32)) for _ in range(2)]
    bias = torch.arange(37, dtype=torch.float32)
    weights = stacked([layer(one, bias, 8) for one in layers])
    source = random.standard_normal((count, 32)).astype(np.float32)
    room = np.full((count + 1, 37), 7.0, np.float32)
    linear(source, weights, 1, False, room[:count])
    expected = source @ layers[1].numpy().T + bias.numpy()
    np.testing.assert_allclose(room[:count], expected, atol=0.2)
    first = room.copy()
    linear(source, weights, 1, True, room[:count])
    np.testing.assert_allclose(room[:count], 2 * first[:count], rtol=1e-5, atol=1e-5)
    assert (room[count] == 7.0).all()


def test_the_likeliest_are_those_of_a_sort_and_the_first_of_equals() -> None:
    logits = torch.randn(4, 1000, generator=torch.Generator().manual_seed(1))
    logits[0, 700:] = -torch.inf
    logits[1] = torch.arange(1000.0)
    logits[2] = -torch.inf
    logits[2, [3, 900, 901]] = torch.tensor([1.0, 2.0, 2.0])
    values, indices = likeliest(logits, 6)
    expected = logits[[0, 1, 3]].topk(6)
    assert np.array_equal(values[[0, 1, 3]], expected.values)
    assert np.array_equal(indices[[0, 1, 3]], expected.indices)
    assert values[2].tolist() == [2.0, 2.0, 1.0, *[-np.inf] * 3]
    assert indices[2, :3].tolist() == [900, 901, 3]


def test_tokens_go_together_as_many_as_a_tile_has_rows() -> None:
    assert kernels.together(np.array([4, 4, 1, *[2] * 7])).tolist() == [0, 2, 3, 9, 10]
