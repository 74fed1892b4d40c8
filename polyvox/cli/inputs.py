"""Which files a command works on, and where each one's output goes. Pure but for looking at folders."""

from __future__ import annotations

import mimetypes
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from polyvox.errors import Invalid

_ALSO_MEDIA = frozenset({".opus", ".oga", ".weba", ".mka", ".amr", ".caf", ".w64", ".rf64", ".m4b", ".mts", ".m2ts"})


@dataclass(frozen=True, slots=True)
class Input:
    """One recording; ``name`` is its path without the suffix, below the folder it was found in."""

    path: Path
    name: Path


def looks_like_media(path: Path) -> bool:
    """By its name; only used to pick files out of a folder. A file named on the command line is always tried."""
    kind, _ = mimetypes.guess_type(path.name)
    return path.suffix.lower() in _ALSO_MEDIA or (kind or "").split("/")[0] in ("audio", "video")


def collect(paths: Sequence[Path]) -> list[Input]:
    """Files as they are, folders searched for media; each file once.

    Raises:
        Invalid: a path does not exist or a folder has no media in it.
    """
    found: dict[Path, Input] = {}
    for path in paths:
        if path.is_dir():
            media = [
                file
                for file in sorted(path.rglob("*"))
                if file.is_file() and not file.name.startswith(".") and looks_like_media(file)
            ]
            if not media:
                raise Invalid(f"the folder {path} has no audio or video files in it", code="no-media")
            for file in media:
                found.setdefault(file.resolve(), Input(file, file.relative_to(path).with_suffix("")))
        elif path.is_file():
            found.setdefault(path.resolve(), Input(path, Path(path.stem)))
        else:
            raise Invalid(f"there is no file or folder {path}", code="no-file")
    return list(found.values())


def destinations(inputs: Sequence[Input], out: Path, extension: str) -> list[Path]:
    """Where each input's transcript goes: ``out/<stem>.<extension>``, never the same place twice.

    Inputs that share a stem keep their own suffix in the name; if that is not enough they are numbered.
    """
    stems = Counter(item.name for item in inputs)
    taken: set[Path] = set()
    places: list[Path] = []
    for item in inputs:
        base = item.name if stems[item.name] == 1 else item.name.with_name(item.path.name)
        place, number = out / f"{base}.{extension}", 2
        while place in taken:
            place, number = out / f"{base}-{number}.{extension}", number + 1
        taken.add(place)
        places.append(place)
    return places
