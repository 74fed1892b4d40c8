"""What the built-in engine hears is kept, read on from, and told apart."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from diarizer.engines import timeline
from diarizer.engines.base import DiarizeOptions
from diarizer.engines.heard import Heard, joined
from diarizer.engines.tape import Tape
from diarizer.engines.telling import tell
from diarizer.engines.timeline import FRAMES, WINDOW_S
from polyvox.errors import Invalid
from tests.support.conversations import conversation
from tests.support.diarized_sample import write_flac

RATE_HZ = 16_000


def test_what_is_packed_is_unpacked_the_same() -> None:
    heard = conversation(0.05, 2)
    again = Heard.unpacked(heard.packed())
    assert np.array_equal(again.active, heard.active)
    assert np.array_equal(again.vectors, heard.vectors, equal_nan=True)
    assert np.array_equal(again.starts_s, heard.starts_s)
    assert (again.end_s, again.is_last) == (heard.end_s, True)
    with pytest.raises(Invalid):
        Heard.unpacked(heard.packed()[:-100])


def test_people_of_many_hours_are_told_apart_although_they_are_grouped_in_blocks() -> None:
    heard = conversation(4.0, 6)
    told = tell(heard, DiarizeOptions())
    assert set(told.embeddings) == {"S1", "S2", "S3", "S4", "S5", "S6"}
    # Everybody speaks for 30 s at a time, in the same order from beginning to end.
    assert [turn.speaker for turn in told.exclusive_turns] == [
        f"S{n % 6 + 1}" for n in range(len(told.exclusive_turns))
    ]
    assert all(turn.end_s - turn.start_s == pytest.approx(30.0, abs=0.1) for turn in told.exclusive_turns[:-1])


@pytest.mark.parametrize("count", [1, 2, 4, 7])
def test_a_number_of_speakers_is_met_over_hours_too(count: int) -> None:
    told = tell(conversation(4.0, 4), DiarizeOptions(num_speakers=count))
    assert len(told.embeddings) == count


def test_bounds_are_kept() -> None:
    heard = conversation(0.2, 4)
    assert len(tell(heard, DiarizeOptions(max_speakers=3)).embeddings) == 3
    assert len(tell(heard, DiarizeOptions(min_speakers=5)).embeddings) == 5
    assert len(tell(heard, DiarizeOptions(min_speakers=2, max_speakers=6)).embeddings) == 4


def spoken_into(heard: Heard, start_s: float, end_s: float) -> Heard:
    """The same, but somebody else speaks meanwhile, never alone: what is heard of them sounds like both."""
    frame_s = heard.starts_s[:, None] + np.arange(FRAMES) * WINDOW_S / FRAMES
    active, vectors = heard.active.copy(), heard.vectors.copy()
    active[:, :, 1] = (start_s <= frame_s) & (frame_s < end_s)
    windows = active[:, :, 1].any(axis=1)
    vectors[windows, 1] = vectors[windows, 0]
    return replace(heard, active=active, vectors=vectors)


def test_where_two_speak_at_once_there_are_two_people() -> None:
    alone = conversation(0.02, 1)
    told = tell(spoken_into(alone, 40.0, 44.0), DiarizeOptions())
    (other,) = (turn for turn in told.turns if turn.speaker == "S2")
    assert [other.start_s, other.end_s] == pytest.approx([40.0, 44.0], abs=0.1)
    assert {turn.speaker for turn in told.exclusive_turns} == {"S1"}
    assert set(told.embeddings) == {"S1"}
    # A slip, or who is known to be alone, makes no second speaker.
    assert {turn.speaker for turn in tell(spoken_into(alone, 40.0, 40.3), DiarizeOptions()).turns} == {"S1"}
    one = tell(spoken_into(alone, 40.0, 44.0), DiarizeOptions(num_speakers=1))
    assert {turn.speaker for turn in one.turns} == {"S1"}


def test_stretches_are_one_recording() -> None:
    heard = conversation(0.2, 3)
    half = len(heard.starts_s) // 2
    parts = [
        Heard(heard.starts_s[one], heard.active[one], heard.vectors[one], heard.end_s, is_last)
        for one, is_last in ((slice(None, half), False), (slice(half, None), True))
    ]
    assert tell(joined(parts), DiarizeOptions()).turns == tell(heard, DiarizeOptions()).turns


def test_two_hours_with_sixty_people_are_ranked_in_little_memory() -> None:
    random = np.random.default_rng(0)
    votes = random.integers(0, 5, (420_000, 60), np.uint8)
    count = random.integers(0, 3, len(votes), np.uint8)
    tracemalloc.start()
    speaking = timeline.chosen(votes, count)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 150 * 2**20
    assert np.array_equal(speaking.sum(axis=1), count)
    # Nobody with fewer votes is chosen before anybody with more.
    least = np.where(speaking, votes, 255).min(axis=1)
    assert (np.where(speaking, 0, votes).max(axis=1)[count > 0] <= least[count > 0]).all()


def test_a_tape_is_read_on_again_and_anywhere(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).integers(-3000, 3000, 60 * RATE_HZ).astype(np.float32) / 32_768.0
    tape = Tape(write_flac(tmp_path / "noise.flac", samples))
    for start, count in ((0, 250_000), (200_000, 250_000), (900_000, 250_000), (10, 5), (2_000_000, 7)):
        assert np.array_equal(tape.read(start, count), samples[start : start + count])
