"""A hostile file reaches no other file and no address: neither libavformat nor the process lets it."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import pytest

from polyvox.errors import Invalid
from tests.support.media import Sound, decoded, mux, tone, wav
from tests.support.watched import watched

POINTERS: dict[str, Callable[[str], str]] = {
    "hls": lambda to: f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{to}\n#EXT-X-ENDLIST\n",
    "hls-master": lambda to: f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{to}\n",
    "hls-key": lambda to: (
        f'#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXT-X-KEY:METHOD=AES-128,URI="{to}"\n#EXTINF:5,\n{to}\n#EXT-X-ENDLIST\n'
    ),
    "m3u": lambda to: f"#EXTM3U\n{to}\n",
    "ffconcat": lambda to: f"ffconcat version 1.0\nfile '{to}'\n",
    "dash": lambda to: (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT5S"><Period><AdaptationSet mimeType="audio/mp4">'
        f'<Representation id="1" bandwidth="1"><BaseURL>{to}</BaseURL></Representation></AdaptationSet></Period></MPD>'
    ),
    "imf": lambda to: (
        '<?xml version="1.0"?><CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016">'
        f"<Id>urn:uuid:{to}</Id></CompositionPlaylist>"
    ),
    "sdp": lambda _to: "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
    "asx": lambda to: f'<asx version="3.0"><entry><ref href="{to}"/></entry></asx>',
    "asf-redirect": lambda to: f"[Reference]\nRef1={to}\n",
    "pls": lambda to: f"[playlist]\nFile1={to}\nNumberOfEntries=1\n",
    "smil": lambda to: f'<smil><body><audio src="{to}"/></body></smil>',
    "bare": lambda to: f"{to}\n",
}


@contextmanager
def listening() -> Iterator[tuple[str, Callable[[], bool]]]:
    """An address on this machine, and whether anything connected to it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)

        def touched() -> bool:
            try:
                server.accept()[0].close()
            except TimeoutError:
                return False
            return True

        yield f"http://127.0.0.1:{server.getsockname()[1]}/canary.wav", touched


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    path = tmp_path / "canary.wav"
    path.write_bytes(wav(tone(5.0)))
    return path


def test_the_watch_and_the_listener_notice_what_they_are_there_for(canary: Path) -> None:
    playlist = canary.with_name("list.ffconcat")
    playlist.write_text(POINTERS["ffconcat"](str(canary)))
    with watched(canary) as watch, listening() as (address, touched):
        assert not watch.opened()
        with av.open(str(playlist), format="concat", options={"safe": "0"}) as container:
            assert next(container.decode(audio=0)).samples
        assert watch.opened()
        with socket.create_connection(("127.0.0.1", int(address.split(":")[2].split("/")[0]))):
            assert touched()


@pytest.mark.parametrize("kind", POINTERS)
@pytest.mark.parametrize("scheme", ["", "file:", "concat:", "subfile,,start,0,end,0,,:"])
def test_a_file_that_points_at_a_file_opens_nothing(tmp_path: Path, canary: Path, kind: str, scheme: str) -> None:
    with watched(canary) as watch:
        with pytest.raises(Invalid) as refused:
            decoded(POINTERS[kind](f"{scheme}{canary}").encode(), tmp_path)
        assert not watch.opened()
    assert refused.value.code in {"points-elsewhere", "not-media"}


@pytest.mark.parametrize("kind", POINTERS)
def test_a_file_that_points_at_an_address_connects_to_nothing(tmp_path: Path, kind: str) -> None:
    with listening() as (address, touched):
        with pytest.raises(Invalid) as refused:
            decoded(POINTERS[kind](address).encode(), tmp_path)
        assert not touched()
    assert refused.value.code in {"points-elsewhere", "not-media"}


def test_a_playlist_is_refused_in_words_that_help(tmp_path: Path) -> None:
    for kind in ("hls", "ffconcat", "dash", "sdp", "pls"):
        with pytest.raises(Invalid, match="upload the recording itself"):
            decoded(POINTERS[kind]("x.wav").encode(), tmp_path)


def _alias(path: str) -> bytes:
    """A data reference to another file, as QuickTime writes it and libavformat reads it."""
    name = path.encode()
    padded = name + b"\0" * (len(name) % 2)
    body = (
        struct.pack(">I", 0) + bytes(10) + bytes([1]) + b"v".ljust(27, b"\0") + bytes(12)
        + bytes([4]) + b"file".ljust(63, b"\0") + bytes(16) + struct.pack(">HH", 0, 0) + bytes(16)
        + struct.pack(">HH", 2, len(name)) + padded + struct.pack(">HH", 0xFFFF, 0)
    )  # fmt: skip
    return struct.pack(">I", 8 + len(body)) + b"alis" + body


def _replaced(data: bytes, entry: bytes) -> bytes:
    """``data``, a run of QuickTime boxes, with the entry of every ``dref`` replaced."""
    out, at = b"", 0
    while at + 8 <= len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + size]
        if kind in {b"moov", b"trak", b"mdia", b"minf", b"dinf"}:
            body = _replaced(body, entry)
        elif kind == b"dref":
            body = body[:8] + entry
        out, at = out + struct.pack(">I4s", 8 + len(body), kind) + body, at + size
    return out


def test_a_movie_whose_sound_lies_in_another_file_does_not_open_it(tmp_path: Path, canary: Path) -> None:
    movie = mux(tmp_path / "a.mov", [Sound(tone(1.0))], container="mov")
    movie.write_bytes(_replaced(movie.read_bytes(), _alias(str(canary))))
    with watched(canary) as watch:
        options = {"enable_drefs": "1", "use_absolute_path": "1"}
        with av.open(str(movie), options=options):
            assert watch.opened(), "this movie is one that a careless reader follows"
        try:
            decoded(movie, tmp_path)
        except Invalid as refused:
            assert refused.reason
        assert not watch.opened()


CONFINED = """
import os, socket, sys
import numpy
from ingest.decode.sandbox import confine
kept = open(sys.argv[1])
fences = confine()
def refused(call):
    try:
        call()
    except PermissionError:
        return True
    return False
if "files" in fences:
    assert refused(lambda: open(sys.argv[1])), "open for reading"
    assert refused(lambda: open(sys.argv[1] + ".new", "w")), "open for writing"
    assert refused(lambda: os.listdir("/")), "list a folder"
    assert refused(lambda: os.unlink(sys.argv[1])), "remove"
if "calls" in fences:
    assert refused(lambda: socket.socket()), "TCP"
    assert refused(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)), "UDP"
    assert refused(lambda: os.execv("/bin/true", ["true"])), "run a program"
    assert refused(lambda: os.kill(os.getppid(), 0)), "signal another process"
assert kept.read() == "canary"
import wave, numpy.ma, ingest.cuts, polyvox.keys
print(*sorted(fences))
"""


def test_a_confined_process_opens_no_file_no_socket_and_no_program(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("canary")
    ran = subprocess.run(
        [sys.executable, "-c", CONFINED, str(secret)], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    if ran.stdout.split() != ["calls", "files"]:
        pytest.skip(f"this kernel confines by {ran.stdout.strip() or 'nothing'} only")
