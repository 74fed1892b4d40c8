"""Which files `polyvox transcribe` takes, and where it writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from polyvox.cli.inputs import collect, destinations
from polyvox.errors import Invalid


def _touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def test_a_named_file_is_taken_whatever_its_name(tmp_path: Path) -> None:
    _touch(tmp_path / "noise.xyz")
    assert [item.path.name for item in collect([tmp_path / "noise.xyz"])] == ["noise.xyz"]


def test_a_folder_gives_its_media_with_their_places_below_it(tmp_path: Path) -> None:
    _touch(tmp_path / "a.wav", tmp_path / "sub" / "b.opus", tmp_path / "notes.txt", tmp_path / ".hidden.wav")
    assert [str(item.name) for item in collect([tmp_path])] == ["a", "sub/b"]


def test_a_file_named_twice_is_taken_once(tmp_path: Path) -> None:
    _touch(tmp_path / "a.wav")
    assert len(collect([tmp_path / "a.wav", tmp_path])) == 1


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no file or folder"):
        collect([tmp_path / "nothing.wav"])
    with pytest.raises(Invalid, match="no audio or video"):
        collect([tmp_path])


def test_files_of_one_stem_do_not_overwrite_each_other(tmp_path: Path) -> None:
    _touch(tmp_path / "a.wav", tmp_path / "a.mp3", tmp_path / "b.mp3", tmp_path / "other" / "b.mp3")
    inputs = collect([tmp_path / "a.wav", tmp_path / "a.mp3", tmp_path / "b.mp3", tmp_path / "other" / "b.mp3"])
    places = destinations(inputs, Path("out"), "srt")
    assert [str(place) for place in places] == ["out/a.wav.srt", "out/a.mp3.srt", "out/b.mp3.srt", "out/b.mp3-2.srt"]
