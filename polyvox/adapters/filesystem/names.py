"""Key to path and back. Any key makes a path that is safe on any file system.

A key's parts between slashes become folders, the last one a file whose name ends in ``=``, so that
``a`` and ``a/b`` live side by side. Bytes other than lower-case letters, digits, ``-``, ``_`` and ``.``
are percent-encoded, capitals too: some file systems take ``A`` for ``a``. An empty part is ``%``. A part
that is too long for a file name goes on in a folder whose name ends in ``+``.
"""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

PIECE_MAX_CHARS = 200
OBJECT = "="
CONTINUED = "+"

_EMPTY = "%"
_SAFE = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-_.")


def object_path(key: bytes) -> str:
    """Relative path of the file that stands for ``key``."""
    *folders, last = key.split(b"/")
    return "/".join([*(_path_of(part) for part in folders), _path_of(last) + OBJECT])


def folder_path(prefix: bytes) -> tuple[bytes, str]:
    """The longest part of ``prefix`` that ends in a slash (or is empty), and its relative path."""
    head, slash, _ = prefix.rpartition(b"/")
    if not slash:
        return b"", ""
    return head + slash, "/".join(_path_of(part) for part in head.split(b"/"))


def name_bytes(name: str) -> bytes:
    """What one file or folder name, less its mark, stands for."""
    return b"" if name == _EMPTY else unquote_to_bytes(name)


def _path_of(part: bytes) -> str:
    pieces = [""]
    for byte in part:
        # A piece never starts with a dot: "." and ".." are taken, and others are hidden.
        safe = byte in _SAFE and (byte != ord(".") or pieces[-1])
        unit = chr(byte) if safe else f"%{byte:02x}"
        if len(pieces[-1]) + len(unit) > PIECE_MAX_CHARS:
            pieces.append("")
            unit = unit if unit != "." else "%2e"
        pieces[-1] += unit
    return f"{CONTINUED}/".join(pieces) or _EMPTY
