"""Channels as speakers: kept where they differ, told from one sound in two places and from cross-talk."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from diarizer import artifact
from diarizer.engines import levels
from diarizer.engines.base import DiarizeOptions
from diarizer.engines.channels import own_voices, tell, tidied
from diarizer.engines.heard import Heard
from diarizer.engines.timeline import FRAME_STEP_S, FRAMES, MAX_SPEAKERS
from ingest.decode.file import Decoded, decode_file
from polyvox.audio import decode_flac
from polyvox.contracts import AudioTrack, MediaReady, Options, SourceInfo
from tests.support.diarized_sample import write_flac
from tests.support.media import RATE_HZ, noise, silence, tone, wav

Samples = NDArray[np.float32]


def split(source: bytes, *, wanted: int = 2) -> tuple[Decoded, Samples, list[Samples]]:
    """The account, the mix, and the channels that were kept."""
    target, others = io.BytesIO(), [io.BytesIO() for _ in range(wanted)]
    account = decode_file(io.BytesIO(source), target, part_max_s=600.0, max_duration_s=60.0, channels=others)
    kept = [decode_flac(other.getvalue()) for other in others[: len(account.channel_bytes)]]
    assert [len(other.getvalue()) for other in others[: len(kept)]] == list(account.channel_bytes)
    return account, decode_flac(target.getvalue()), kept


def test_two_channels_that_differ_are_kept_sample_by_sample_beside_their_mix() -> None:
    left = np.concatenate([tone(1.0), silence(1.5)])
    right = np.concatenate([silence(1.2), tone(1.3, hz=700.0)])
    account, mix, kept = split(wav(np.stack([left, right])))
    assert account.samples == mix.size == kept[0].size == kept[1].size
    for channel, samples in zip(kept, (left, right), strict=True):
        assert np.abs(channel - samples).max() < 2e-3


@pytest.mark.parametrize(
    "channels",
    [
        tone(1.0)[None],
        np.stack([noise(1.0), noise(1.0)]),
        np.stack([noise(1.0), -noise(1.0)]),
        np.stack([silence(1.0), silence(1.0)]),
        np.stack([tone(1.0, hz=hz) for hz in (300, 400, 500, 600, 700, 800)]),
    ],
    ids=["mono", "the same twice", "turned round", "silent", "six channels"],
)
def test_what_is_no_call_keeps_its_mix_only(channels: Samples) -> None:
    account, mix, kept = split(wav(channels))
    assert (account.channel_bytes, kept) == ((), [])
    assert mix.size == channels.shape[1]


def test_nobody_asked_for_channels_and_none_are_kept() -> None:
    account, _, kept = split(wav(np.stack([tone(1.0), noise(1.0)])), wanted=0)
    assert (account.channel_bytes, kept) == ((), [])


def voice(seed: int, *talks: tuple[float, float], length_s: float = 20.0) -> Samples:
    """Noise that begins and ends as speech does."""
    sound = noise(length_s, seed=seed)
    at_s = np.arange(sound.size) / RATE_HZ
    loud = np.zeros(sound.size, bool)
    for start_s, end_s in talks:
        loud |= (at_s >= start_s) & (at_s < end_s)
    return np.where(loud, sound, noise(length_s, seed=seed + 50, level=1e-4)).astype(np.float32)


A = voice(1, (0, 6), (12, 20))
B = voice(2, (5, 13))


@pytest.mark.parametrize(
    ("left", "right", "is_call"),
    [
        (A, B, True),
        (A + 0.1 * np.roll(B, 800), B + 0.1 * np.roll(A, 800), True),
        (A, silence(20.0), True),
        (A + 0.8 * np.roll(B, 40), B + 0.8 * np.roll(A, 40), False),
        (A + B, -(A + B) + noise(20.0, seed=9, level=1e-3), False),
        (silence(20.0), silence(20.0), True),
    ],
    ids=["call", "call with echo", "one end silent", "one room", "turned round", "nothing"],
)
def test_two_ends_of_a_call_are_told_from_one_sound_in_two_places(
    tmp_path: Path, left: Samples, right: Samples, is_call: bool
) -> None:
    paths = [write_flac(tmp_path / f"{n}.flac", side.clip(-1, 1)) for n, side in enumerate((left, right))]
    assert levels.compare(paths).is_call == is_call


def test_levels_follow_the_frames_of_the_segmentation(tmp_path: Path) -> None:
    found = levels.levels_db(write_flac(tmp_path / "a.flac", np.concatenate([silence(2.0), tone(2.0), silence(2.0)])))
    loud_s = np.flatnonzero(found > -20) * FRAME_STEP_S
    assert loud_s[0] == pytest.approx(2.0, abs=0.2)
    assert loud_s[-1] == pytest.approx(4.0, abs=0.2)
    assert found.max() == pytest.approx(-13.5, abs=0.5)


def test_cross_talk_is_no_voice_and_a_soft_voice_is() -> None:
    frames = 400
    active = np.ones((2, frames), bool)
    level = np.full((2, frames), -70.0)
    level[0, :100], level[1, :100] = -20.0, -42.0  # A speaks, B's end hears it
    level[0, 100:200], level[1, 100:200] = -45.0, -30.0  # B speaks, A's end hears it
    level[0, 200:300], level[1, 200:300] = -22.0, -31.0  # both speak, B always softly
    active[:, 300:] = False
    mine = own_voices(active, level)
    assert mine[0, :100].all() and not mine[1, :100].any()
    assert not mine[0, 100:200].any() and mine[1, 100:200].all()
    assert mine[:, 200:300].all()
    assert not mine[:, 300:].any()


def test_short_pauses_and_clicks_are_tidied_away() -> None:
    speaking = np.zeros(200, bool)
    speaking[10:50] = speaking[60:100] = speaking[150:153] = True
    assert np.flatnonzero(tidied(speaking)).tolist() == list(range(10, 100))


def one_end(seed: int, *talks: tuple[float, float]) -> Heard:
    """What is heard on a channel in 20 s: windows every second, and one voice."""
    starts_s = np.arange(11, dtype=float)
    at_s = starts_s[:, None] + np.arange(FRAMES) * FRAME_STEP_S
    active = np.zeros((11, FRAMES, MAX_SPEAKERS), bool)
    for start_s, end_s in talks:
        active[:, :, 0] |= (at_s >= start_s) & (at_s < end_s)
    vectors = np.full((11, MAX_SPEAKERS, 8), np.nan, np.float32)
    vectors[active[:, :, 0].any(axis=1), 0] = np.random.default_rng(seed).normal(size=8)
    return Heard(starts_s, active, vectors, 20.0, is_last=True)


def test_each_channel_is_a_speaker_with_overlaps_and_a_voice() -> None:
    heard = [one_end(1, (5.0, 13.0)), one_end(2, (0.0, 6.0), (12.0, 20.0))]
    frames = 11 + 10 * 60
    level = [np.full(frames * 2, -20.0), np.full(frames * 2, -21.0)]
    found = tell(heard, level)
    assert found.channels == {"S1": 1, "S2": 0}
    assert [(turn.speaker, round(turn.start_s), round(turn.end_s)) for turn in found.turns] == [
        ("S1", 0, 6),
        ("S2", 5, 13),
        ("S1", 12, 20),
    ]
    # One at a time: who has the floor keeps it.
    assert [(turn.speaker, round(turn.start_s)) for turn in found.exclusive_turns] == [("S1", 0), ("S2", 6), ("S1", 13)]
    assert {name: round(float(vector @ vector), 3) for name, vector in found.embeddings.items()} == {"S1": 1, "S2": 1}


def ready(channels: str | None, *, kept: int = 0, source: int = 2) -> MediaReady:
    return MediaReady(
        media_id="recording-1",
        duration_s=10.0,
        tracks=[
            AudioTrack(key="mix", size_bytes=1),
            *(AudioTrack(key=f"{n}", size_bytes=1, channel=n) for n in range(kept)),
        ],
        peaks_key="peaks",
        parts=[],
        source=SourceInfo(container="wav", codec="pcm_s16le", sample_rate_hz=8000, channels=source),
        options=Options.model_validate({"channels": channels}),
    )


def test_who_asked_for_channels_hears_why_they_are_no_speakers() -> None:
    assert artifact.warnings(ready("split", kept=2), ["They hold the same sound."]) == ["They hold the same sound."]
    (alike,) = artifact.warnings(ready("split"), ())
    assert "two channels are the same" in alike
    (six,) = artifact.warnings(ready("split", source=6), ())
    assert "6 channels" in six
    assert artifact.warnings(ready("auto"), ()) == artifact.warnings(ready(None, kept=2), ["?"]) == []


def test_channels_change_the_turns_name_and_the_mix_keeps_the_one_it_had() -> None:
    hashes = {
        options: artifact.options_hash(
            artifact.engine_options(Options.model_validate({"channels": options})), "builtin"
        )
        for options in (None, "mix", "split", "auto")
    }
    assert hashes[None] == hashes["mix"] == artifact.options_hash(DiarizeOptions(), "builtin")
    assert len(set(hashes.values())) == 3
