"""Models of one's own: a checkpoint, a folder, a repository of a hub, under a name that requests may give."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from polyvox.errors import Invalid, Transient

ANSWER_TIMEOUT_S = 10.0

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/@-]{0,127}")
_REPOSITORY = re.compile(r"([\w-][\w.-]*/[\w-][\w.-]*)(?:@([\w./-]+))?")
_WEIGHTS = ("*.safetensors", "model.bin", "*.pt", "pytorch_model*.bin")
_WITH_THEM = ("*.json", "vocabulary.*")
# The older kind is a pickle, and most repositories that have it have the newer one too.
_FETCHED = (("model*.safetensors", "model.bin"), ("pytorch_model*.bin",))


@dataclass(frozen=True, slots=True)
class Repository:
    """Of the Hugging Face hub; ``revision`` None is its main branch."""

    id: str
    revision: str | None = None


@dataclass(frozen=True, slots=True)
class OwnModels:
    """Where models are, by the names that requests may give: nothing else can be asked for."""

    sources: Mapping[str, Path | Repository] = field(default_factory=dict)

    @classmethod
    def of(cls, places: Mapping[str, str]) -> Self:
        """Raises ValueError: a name or a place that is none."""
        for name in places:
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no name for a model: letters, digits and . _ - / @, at most 128 of them")
        return cls({name: source_of(place) for name, place in places.items()})

    def __contains__(self, name: str) -> bool:
        return name in self.sources

    def here(self, name: str) -> Path:
        """The model's file or folder. Raises Invalid: it is not on this machine."""
        source = self.sources[name]
        found = _on_disk(source) if isinstance(source, Path) else _in_cache(source)
        if found is None:
            raise Invalid(f"the weights of the model {name!r} are not here: {_told(source)}", code="no-weights")
        return found

    async def provide(self, name: str, *, hf_token: str | None = None, endpoint: str | None = None) -> Path:
        """As ``here``, after fetching what a repository has and this machine has not.

        ``endpoint`` None is the hub, or what ``HF_ENDPOINT`` says.

        Raises:
            Invalid: there is no such file, folder or repository, or it holds no weights, or may not be read.
            Transient: the hub does not answer.
        """
        source = self.sources[name]
        if isinstance(source, Repository) and await asyncio.to_thread(_in_cache, source) is None:
            await asyncio.to_thread(_fetch, source, hf_token, endpoint)
        return await asyncio.to_thread(self.here, name)


def source_of(place: str) -> Path | Repository:
    """What a setting means: ``/folder``, ``./model.pt``, ``owner/name``, ``owner/name@revision``.

    Raises:
        ValueError: neither a path nor the name of a repository.
    """
    place = place.strip()
    if place.startswith(("/", "./", "../", "~")):
        return Path(place).expanduser()
    if match := _REPOSITORY.fullmatch(place):
        return Repository(match[1], match[2])
    raise ValueError(f"{place!r} is neither a path (/…, ./…, ~/…) nor a repository (owner/name, owner/name@revision)")


def has_weights(folder: Path) -> bool:
    return any(any(folder.glob(pattern)) for pattern in _WEIGHTS)


def _on_disk(path: Path) -> Path | None:
    return path if path.is_file() or (path.is_dir() and has_weights(path)) else None


def _in_cache(source: Repository) -> Path | None:
    """The snapshot in the hub's own cache on this machine, if it is whole."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return _snapshot(source, local_files_only=True)
    except LocalEntryNotFoundError:
        return None


def _fetch(source: Repository, hf_token: str | None, endpoint: str | None) -> None:
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    try:
        _snapshot(source, token=hf_token, etag_timeout=ANSWER_TIMEOUT_S, endpoint=endpoint)
    except GatedRepoError as error:
        raise Invalid(
            f"{_told(source)} is gated: accept its terms and set POLYVOX_HF_TOKEN", code="no-weights"
        ) from error
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise Invalid(f"{_told(source)} does not exist, or the token may not read it", code="no-weights") from error
    except Exception as error:
        # The hub's client lets errors of its HTTP library through, which is another one from version to version.
        raise Transient(f"{_told(source)} cannot be fetched: {error}") from error


def _snapshot(source: Repository, **how: Any) -> Path | None:
    """Raises what huggingface_hub's ``snapshot_download`` does."""
    from huggingface_hub import snapshot_download

    for weights in _FETCHED:
        wanted = [*_WITH_THEM, *weights]
        folder = Path(snapshot_download(source.id, revision=source.revision, allow_patterns=wanted, **how))
        if has_weights(folder):
            return folder
    return None


def _told(source: Path | Repository) -> str:
    if isinstance(source, Path):
        return f"{source} holds no weights" if source.exists() else f"{source} does not exist"
    return f"the repository {source.id}" + (f" at {source.revision}" if source.revision else "")
