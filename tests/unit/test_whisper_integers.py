"""Whole numbers on a CPU: exact products, no overflow, and an encoder that stays close to float32."""

from __future__ import annotations

import platform

import llvmlite.binding
import numba
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn import functional

from transcriber.engines.whisper import integers
from transcriber.engines.whisper.integer_stem import IntegerStem
from transcriber.engines.whisper.integers import layer, multiply, quantise
from transcriber.engines.whisper.rules import Vocabulary, restrict_tensors
from transcriber.engines.whisper.rules_kernels import restrict_rows
from transcriber.engines.whisper.tiles import packed, tile

general, six = tile(2, general=True), tile(6)


@numba.njit  # type: ignore[untyped-decorator]
def by_six(rows: NDArray[np.int16], panels: NDArray[np.int16], sums: NDArray[np.int32]) -> None:
    six(rows, 0, rows.shape[1], panels, 0, rows.shape[1] // 2, sums)


@numba.njit  # type: ignore[untyped-decorator]
def by_general_terms(rows: NDArray[np.int16], panels: NDArray[np.int8], sums: NDArray[np.int32]) -> None:
    general(rows, 0, rows.shape[1], panels, 0, rows.shape[1] // 2, sums)


def test_a_tile_is_the_exact_product_on_any_processor() -> None:
    random = np.random.default_rng(1)
    rows = random.integers(-32767, 32768, (2, 10)).astype(np.int16)
    weights = random.integers(-127, 128, (16, 10)).astype(np.int8)
    sums = np.empty((2, 16), np.int32)
    by_general_terms(rows, packed(weights), sums)
    assert np.array_equal(sums, rows.astype(np.int64) @ weights.T.astype(np.int64))


@pytest.mark.skipif(platform.machine() != "x86_64", reason="asks for x86's instructions")
def test_with_vnni_product_and_sum_are_one_instruction() -> None:
    by_six(np.zeros((6, 8), np.int16), np.zeros((4, 16, 2), np.int16), np.zeros((6, 16), np.int32))
    (intermediate,) = by_six.inspect_llvm().values()
    counts = {}
    for cpu in ("znver3", "znver4"):
        machine = llvmlite.binding.Target.from_default_triple().create_target_machine(cpu=cpu, opt=3)
        assembly = machine.emit_assembly(llvmlite.binding.parse_assembly(intermediate))
        counts[cpu] = [assembly.count(name) for name in ("vpmaddwd", "vpaddd", "vpdpwssd")]
    products, additions, together = counts["znver3"]
    assert products >= 12
    assert additions == products
    assert not together
    assert counts["znver4"] == [0, 0, products]


def test_powers_of_two_are_as_near_as_they_say() -> None:
    exponents = np.linspace(-126, 126, 100_001, dtype=np.float32)
    found = np.array([integers.two_to(x) for x in exponents[::10]])
    assert np.abs(found / np.exp2(exponents[::10].astype(np.float64)) - 1).max() < 2.8e-6


def test_panels_begin_with_a_line_of_the_cache() -> None:
    one = layer(torch.ones(24, 8), None, 8)
    for panels in (one.panels, integers.stacked([one, one, one]).panels):
        assert panels.ctypes.data % 64 == 0


def test_the_rules_in_one_pass_are_those_in_tensors() -> None:
    random = torch.Generator().manual_seed(2)
    vocabulary = Vocabulary(end=40, first_timestamp=50, blank=7, never=torch.tensor([3, 44]))
    logits = 4 * torch.randn(6, 75, generator=random)
    # One row is all but sure of a timestamp; one may write nothing but timestamps; one none of them.
    logits[0, 60] = 30.0
    bounds = np.array([[0, 0, 3, 5, 0, 25], [25, 25, 25, 25, 20, -1]])
    no_words, no_end = np.array([[False, True, False, True, False, False], [False, True, False, False, True, False]])
    others = logits.clone()
    expected = restrict_tensors(others, vocabulary, bounds, no_words, no_end)
    sums = np.empty(6, np.float32)
    restrict_rows(logits.numpy(), vocabulary.never.numpy(), bounds, no_words, no_end, 40, 50, sums)
    assert torch.equal(logits, others)
    torch.testing.assert_close(torch.from_numpy(sums), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("outputs", [16, 24])
def test_the_loudest_input_does_not_overflow(outputs: int) -> None:
    """The worst there is: all weights and inputs at their largest, of one sign."""
    inputs = 2048
    weights = layer(torch.full((outputs, inputs), 0.5), torch.ones(outputs), 16)
    rows, scales = np.zeros((6, inputs), np.int16), np.ones(6, np.float32)
    for row in range(2):
        scales[row] = quantise(np.full(inputs, 3.0, np.float32), weights.steps, rows[row])
    assert integers.LARGEST_SUM // 2 < int(rows[0, 0]) * integers.STEPS[16] * inputs <= integers.LARGEST_SUM
    out = np.zeros((6, weights.panels.shape[0] * 16), np.float32)
    multiply(rows, scales, 2, weights, weights.bias, 0, 0, False, out)
    np.testing.assert_allclose(out[:2, :outputs], 0.5 * 3.0 * inputs + 1, rtol=1e-3)
    multiply(rows, scales, 2, weights, weights.bias, 0, 0, True, out)
    np.testing.assert_allclose(out[:2, :outputs], 2 * (0.5 * 3.0 * inputs + 1), rtol=1e-3)


@pytest.mark.parametrize("frames", [2, 96, 250])
def test_the_convolutions_are_those_of_the_model(frames: int) -> None:
    random = torch.Generator().manual_seed(3)
    first, second = torch.nn.Conv1d(80, 64, 3, padding=1), torch.nn.Conv1d(64, 64, 3, stride=2, padding=1)
    mel = torch.randn(80, frames, generator=random)
    with torch.inference_mode():
        expected = functional.gelu(second(functional.gelu(first(mel)))).T
        found = IntegerStem(first, second)(mel)
    assert found.shape == expected.shape
    assert (found - expected).norm() < 0.005 * expected.norm()
