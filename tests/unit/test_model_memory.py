"""How much memory models take, and what a bound leaves room for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.small_whisper import DIMENSIONS, small_whisper
from transcriber.engines.memory import LIBRARIES_BYTES, Room, fraction, room, sizes, to_give_up, whole
from transcriber.engines.model_cache import ModelCache

GIB = 1 << 30
WANTED = Room(64, 16)


def large(layers: int) -> dict[str, int]:
    return {
        "n_mels": 128,
        "n_audio_ctx": 1500,
        "n_audio_state": 1280,
        "n_audio_head": 20,
        "n_audio_layer": 32,
        "n_vocab": 51866,
        "n_text_ctx": 448,
        "n_text_state": 1280,
        "n_text_head": 20,
        "n_text_layer": layers,
    }


LARGE = sizes(large(32), heads_recorded=10)
TURBO = sizes(large(4), heads_recorded=6)


def test_weights_are_what_the_model_has() -> None:
    model = small_whisper()
    counted = sum(parameter.numel() for parameter in model.parameters())
    assert sizes(vars(DIMENSIONS), heads_recorded=2).weights == pytest.approx(2 * counted, rel=0.02)
    # large-v3 has 1,543 million parameters, turbo 809.
    assert LARGE.weights == pytest.approx(2 * 1_543e6, rel=0.01)
    assert TURBO.weights == pytest.approx(2 * 809e6, rel=0.01)


def test_a_window_takes_its_keys_and_values_most_of_all() -> None:
    assert LARGE.window - 246e6 == pytest.approx(0, abs=90e6)
    assert TURBO.window < LARGE.window / 4
    assert sizes(large(32), heads_recorded=10, beams=5).window < 2.5 * LARGE.window


@pytest.mark.parametrize("gib", [6, 8, 12, 24, 40, 80])
def test_what_fits_is_within_the_bound_and_grows_with_it(gib: int) -> None:
    found = room(LARGE, gib * GIB, wanted=WANTED)
    assert found is not None
    assert whole(LARGE, found) + LIBRARIES_BYTES <= gib * GIB
    more = room(LARGE, 2 * gib * GIB, wanted=WANTED)
    assert more is not None
    assert (found.windows, found.encoded) <= (more.windows, more.encoded)
    assert 1 <= found.windows <= WANTED.windows


def test_without_a_bound_there_is_all_that_is_wanted_and_with_too_small_a_one_nothing() -> None:
    assert room(LARGE, None, wanted=WANTED) == WANTED
    assert room(LARGE, 80 * GIB, wanted=WANTED) == WANTED
    assert room(LARGE, 4 * GIB, wanted=WANTED) is None
    assert fraction(8 * GIB, 80 * GIB) == 0.1
    assert fraction(100 * GIB, 80 * GIB) == 1.0


def test_those_needed_longest_ago_go_first_and_no_more_than_have_to() -> None:
    held = {"base": GIB, "small": GIB, "medium": 2 * GIB}
    assert to_give_up(held, GIB, 20 * GIB) == []
    assert to_give_up(held, 3 * GIB, 8 * GIB) == ["base"]
    assert to_give_up(held, 50 * GIB, 8 * GIB) == ["base", "small", "medium"]


def test_a_cache_gives_models_up_for_memory_before_it_is_full() -> None:
    class Model:
        memory_bytes = 2 * GIB

    loaded: list[str] = []

    def load(name: str) -> Any:
        loaded.append(name)
        return Model()

    models = ModelCache(load, capacity=4, bound_bytes=8 * GIB, expected=lambda _name: 2 * GIB)
    for name in ("base", "small", "base", "medium", "large", "base"):
        models.get(name)
    assert loaded == ["base", "small", "medium", "large"]
    models.get("small")
    assert loaded[-1] == "small", "it was needed longest ago"
