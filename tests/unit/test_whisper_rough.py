"""Logits in two passes, where the CPU multiplies bytes: close everywhere, and exact where it counts."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from transcriber.engines.whisper import rough
from transcriber.engines.whisper.byte_tiles import host_multiplies_bytes

pytestmark = pytest.mark.skipif(not host_multiplies_bytes(), reason="this CPU has no VNNI")

WIDTH, VOCABULARY = 64, 5 * 16 + 7


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 17])
def test_all_logits_are_close_and_the_highest_are_those_of_whole_inputs(count: int) -> None:
    random = np.random.default_rng(count)
    weight = random.standard_normal((VOCABULARY, WIDTH)).astype(np.float32)
    norms = random.standard_normal((1, 2, WIDTH)).astype(np.float32)
    x = 3 * random.standard_normal((count, WIDTH)).astype(np.float32)
    logits = np.full((count + 1, VOCABULARY), 7.0, np.float32)
    rough.follow(x, norms, rough.rough(torch.from_numpy(weight)), logits[:count])

    normed = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5) * norms[0, 0] + norms[0, 1]
    steps = np.abs(weight).max(1, keepdims=True) / 127
    exact = normed @ (np.rint(weight / steps) * steps).T
    assert np.abs(logits[:count] - exact).max() < 0.05 * exact.std()
    assert (logits[count] == 7.0).all()
    highest = np.argsort(-logits[:count], axis=1)[:, : rough.EXACT // 2]
    found, expected = (np.take_along_axis(one, highest, 1) for one in (logits[:count], exact))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_an_input_of_one_loud_value_leaves_the_highest_exact() -> None:
    random = np.random.default_rng(1)
    weight = random.standard_normal((VOCABULARY, WIDTH)).astype(np.float32)
    norms = np.stack([np.ones(WIDTH, np.float32), np.zeros(WIDTH, np.float32)])[None]
    x = random.standard_normal((1, WIDTH)).astype(np.float32)
    x[0, 5] = 200
    logits = np.zeros((1, VOCABULARY), np.float32)
    rough.follow(x, norms, rough.rough(torch.from_numpy(weight)), logits)
    normed = (x - x.mean()) / np.sqrt(x.var() + 1e-5)
    steps = np.abs(weight).max(1, keepdims=True) / 127
    exact = normed @ (np.rint(weight / steps) * steps).T
    assert logits.argmax() == exact.argmax()
    np.testing.assert_allclose(logits.max(), exact.max(), rtol=1e-4)
