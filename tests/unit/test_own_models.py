"""Models of one's own: what a setting may say, what a request may name, and what a hub has."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import huggingface_hub.constants
import pytest

from ingest.upload.options import Known, read_options
from polyvox.errors import Invalid, Transient
from polyvox.http import Problem
from polyvox.settings import Settings
from polyvox.weights.own import OwnModels, Repository, source_of

FILES = {"config.json": b"{}", "model.safetensors": b"tensors", "training.bin": b"large"}
NOBODY = "http://127.0.0.1:9"
COMMIT = "0123456789" * 4


class Hub(BaseHTTPRequestHandler):
    """As much of the hub's HTTP as a repository of three files takes."""

    def do_GET(self) -> None:
        parts = self.path.partition("?")[0].strip("/").split("/")
        if parts[:3] == ["api", "models", "calls"] and "tree" in parts:
            files = FILES.items()
            self._answer_json([{"type": "file", "path": name, "oid": name, "size": len(body)} for name, body in files])
        elif parts[:3] == ["api", "models", "calls"]:
            self._answer_json({"id": "calls/tuned", "sha": COMMIT, "siblings": [{"rfilename": name} for name in FILES]})
        elif parts[:1] == ["calls"] and parts[-1] in FILES:
            self._answer(FILES[parts[-1]])
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()

    do_HEAD = do_GET

    def _answer_json(self, value: object) -> None:
        self._answer(json.dumps(value).encode())

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/json")
        self.send_header("ETag", hashlib.sha256(body).hexdigest())
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


@pytest.fixture
def hub(cache: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("place", "source"),
    [
        ("/models/calls.pt", Path("/models/calls.pt")),
        ("./calls", Path("./calls")),
        ("~/calls", Path.home() / "calls"),
        ("KBLab/kb-whisper-base", Repository("KBLab/kb-whisper-base")),
        ("KBLab/kb-whisper-base@v1.0", Repository("KBLab/kb-whisper-base", "v1.0")),
    ],
)
def test_a_place_is_a_path_or_a_repository(place: str, source: Path | Repository) -> None:
    assert source_of(place) == source


@pytest.mark.parametrize(
    ("models", "says"),
    [
        ({"calls": "calls.pt"}, "neither a path"),
        ({"calls": "https://example.org/model"}, "neither a path"),
        ({"no name": "/models/calls.pt"}, "is no name"),
        ({"base": "/models/calls.pt"}, "published model's name"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(models: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Settings(transcriber_models=models)


def test_a_request_may_name_what_the_setting_names_and_no_place() -> None:
    known = Known.of(Settings(transcriber_models={"calls": "/models/calls.pt", "KBLab/tuned": "KBLab/tuned"}))
    assert read_options([("model", "calls")], known).model == "calls"
    assert read_options([("model", "KBLab/tuned"), ("engine", "whisper")], known).model == "KBLab/tuned"
    for place in ("/models/calls.pt", "KBLab/other", "../calls"):
        with pytest.raises(Problem, match="is not known here"):
            read_options([("model", place)], known)


async def test_a_path_with_nothing_there_is_said(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    own = OwnModels.of({"gone": str(tmp_path / "gone.pt"), "empty": str(tmp_path / "empty")})
    with pytest.raises(Invalid, match="does not exist"):
        await own.provide("gone")
    with pytest.raises(Invalid, match="holds no weights"):
        await own.provide("empty")


async def test_what_a_model_needs_of_a_repository_is_fetched_once(hub: str) -> None:
    own = OwnModels.of({"calls": "calls/tuned"})
    with pytest.raises(Invalid, match="not here"):
        own.here("calls")
    folder = await own.provide("calls", endpoint=hub)
    assert sorted(file.name for file in folder.iterdir()) == ["config.json", "model.safetensors"]
    assert (folder / "model.safetensors").read_bytes() == b"tensors"
    assert await own.provide("calls", endpoint=NOBODY) == own.here("calls") == folder


async def test_a_repository_that_is_not_there_is_the_settings_fault(hub: str) -> None:
    with pytest.raises(Invalid, match="does not exist"):
        await OwnModels.of({"calls": "nobody/nothing"}).provide("calls", endpoint=hub)


async def test_a_hub_that_does_not_answer_is_trouble_that_may_pass(cache: Path) -> None:
    with pytest.raises(Transient, match="cannot be fetched"):
        await OwnModels.of({"calls": "calls/tuned"}).provide("calls", endpoint=NOBODY)
