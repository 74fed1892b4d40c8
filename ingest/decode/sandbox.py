"""Takes from the calling process what decoding does not need: other files, network, other programs.

Landlock forbids to open any file from now on but the code of libraries, which Python imports
as it needs them (files that are open stay usable); a seccomp filter forbids sockets, programs
and reaching into other processes. Neither needs privileges.
Both are a second line behind the demuxer's own fences: where the kernel has them not, work
goes on without, and the caller is told.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

import ingest
import polyvox

_PR_SET_NO_NEW_PRIVS = 38

_LANDLOCK_CREATE_RULESET = 444
_LANDLOCK_ADD_RULE = 445
_LANDLOCK_RESTRICT_SELF = 446
_LANDLOCK_VERSION = 1
_LANDLOCK_PATH_BENEATH = 1
_READ_FILE_AND_FOLDER = 1 << 2 | 1 << 3
# Rights over files by the Landlock version that brought them: how many bits of them there are.
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
_FILE_RIGHTS_LATEST = 16
_NET_RIGHTS = 0b11
_SCOPES = 0b11

_SECCOMP_SET_MODE_FILTER = 1
_SECCOMP_ALL_THREADS = 1
_ALLOW = 0x7FFF0000
_REFUSE = 0x00050000 | 1  # EPERM
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_X32 = 0x40000000

# socket, connect, bind, listen, execve, execveat, ptrace, process_vm_readv, process_vm_writev,
# kill, io_uring_setup, pidfd_getfd, mount, bpf
_FORBIDDEN = {
    "x86_64": (0xC000003E, 317, (41, 42, 49, 50, 59, 322, 101, 310, 311, 62, 425, 438, 165, 321)),
    "aarch64": (0xC00000B7, 277, (198, 203, 200, 201, 221, 281, 117, 270, 271, 129, 425, 438, 40, 280)),
}


def confine() -> frozenset[str]:
    """Confine this process for good; the names of what is in force: ``files``, ``calls`` or neither."""
    if sys.platform != "linux":
        return frozenset()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return frozenset()
    # Installed for development, our own packages lie beside the libraries' folder, not in it.
    own = {str(Path(package.__path__[0])) for package in (ingest, polyvox)}
    libraries = own | {sysconfig.get_path(kind) for kind in ("stdlib", "platstdlib", "purelib", "platlib")}
    files = _open_only(libc, libraries)
    calls = _call_little(libc)
    return frozenset(name for name, held in (("files", files), ("calls", calls)) if held)


def _open_only(libc: ctypes.CDLL, folders: Iterable[str]) -> bool:
    version = libc.syscall(_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_VERSION)
    if version < 1:
        return False
    file_rights = (1 << _FILE_RIGHTS.get(version, _FILE_RIGHTS_LATEST)) - 1
    # The structure grew with the versions; an older kernel wants it short.
    fields = [file_rights, *([_NET_RIGHTS] if version >= 4 else []), *([_SCOPES] if version >= 6 else [])]
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    ruleset = libc.syscall(_LANDLOCK_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    if ruleset < 0:
        return False
    try:
        for folder in folders:
            _allow_reading(libc, ruleset, folder)
        return bool(libc.syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _allow_reading(libc: ctypes.CDLL, ruleset: int, folder: str) -> None:
    try:
        opened = os.open(folder, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        rule = struct.pack("=Qi", _READ_FILE_AND_FOLDER, opened)
        libc.syscall(_LANDLOCK_ADD_RULE, ruleset, _LANDLOCK_PATH_BENEATH, rule, 0)
    finally:
        os.close(opened)


def _call_little(libc: ctypes.CDLL) -> bool:
    known = _FORBIDDEN.get(platform.machine())
    if known is None or sys.byteorder != "little":
        return False
    architecture, seccomp, forbidden = known
    steps = [
        (_LOAD, 0, 0, 4),  # the architecture of the call
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _REFUSE),
        (_LOAD, 0, 0, 0),  # its number
        (_AT_LEAST, len(forbidden) + 1, 0, _X32),
        *((_EQUAL, len(forbidden) - at, 0, number) for at, number in enumerate(forbidden)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    program = struct.pack("@HP", len(steps), ctypes.addressof(code))
    return bool(libc.syscall(seccomp, _SECCOMP_SET_MODE_FILTER, _SECCOMP_ALL_THREADS, program) == 0)
