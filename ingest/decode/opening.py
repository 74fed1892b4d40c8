"""Opens a file that nobody vouches for, with libavformat, so that it can reach nothing else.

Four fences, each enough alone: the bytes come from a Python file object that has no name (so
content decides, not an extension); only the demuxers named here may be chosen, none of which
reads playlists, image sequences or other files; no protocol is allowed; and any request to
open something else is refused and remembered. Only audio decoders may be opened at all, so a
video's pictures are never parsed by a decoder.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, NoReturn

import av

from ingest.decode import ogg
from polyvox.errors import Invalid

DEMUXERS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,dsf,dss,dts,eac3,flac,flv,gsm,iff,ilbc,loas,matroska,mov,mp3,mpc,mpc8,"
    "mpeg,mpegts,mxf,nistsphere,nut,oga,ogg,oma,qcp,rm,sbc,shn,sox,tak,truehd,tta,voc,w64,wav,webm,wsd,wtv,wv,xwma"
)

_PCM = (
    "pcm_alaw,pcm_bluray,pcm_dvd,pcm_f16le,pcm_f24le,pcm_f32be,pcm_f32le,pcm_f64be,pcm_f64le,pcm_mulaw,pcm_s16be,"
    "pcm_s16be_planar,pcm_s16le,pcm_s16le_planar,pcm_s24be,pcm_s24daud,pcm_s24le,pcm_s24le_planar,pcm_s32be,"
    "pcm_s32le,pcm_s32le_planar,pcm_s64be,pcm_s64le,pcm_s8,pcm_s8_planar,pcm_u16be,pcm_u16le,pcm_u24be,pcm_u24le,"
    "pcm_u32be,pcm_u32le,pcm_u8,pcm_vidc"
)
DECODERS = (
    "8svx_exp,8svx_fib,aac,aac_latm,ac3,adpcm_ima_qt,adpcm_ima_wav,adpcm_ms,adpcm_swf,adpcm_yamaha,alac,als,amrnb,amrwb,ape,atrac1,"
    "atrac3,atrac3al,atrac3plus,atrac3plusal,cook,dca,dsd_lsbf,dsd_lsbf_planar,dsd_msbf,dsd_msbf_planar,dss_sp,eac3,evrc,flac,g722,g723_1,g726,g726le,g729,gsm,gsm_ms,"
    "ilbc,libopencore_amrnb,libopencore_amrwb,libopus,mace3,mace6,mlp,mp1,mp1float,mp2,mp2float,mp3,mp3float,mpc7,"
    "mpc8,nellymoser,opus,qcelp,qdm2,qdmc,ralf,real_144,real_288,s302m,sbc,shorten,sipr,speex,tak,truehd,truespeech,"
    f"tta,vorbis,wavpack,wmalossless,wmapro,wmav1,wmav2,wmavoice,xma1,xma2,{_PCM}"
)
_DECODER_NAMES = frozenset(DECODERS.split(","))

_POINTERS = frozenset({"hls", "sdp", "rtsp", "rtp", "dash", "concat", "imf", "webm_dash_manifest", "sap", "asf_o"})
_POINTER_STARTS = (b"#EXTM3U", b"ffconcat", b"[playlist]", b"[Reference]", b"v=0", b"<smil", b"<asx", b"<ASX")
_PICTURES = ("gif", "apng", "image2", "svg", "ico", "webp", "_pipe", "jpegxl_anim")
_UNKNOWN_RIFF_SIZE = 0x7FFF_0000
"""Writers that cannot go back put 0x7FFFF000, 0x7FFFFFFF or 0xFFFFFFFF."""
MAX_CHANNELS = 64
"""libswresample's limit."""
MIN_RATE_HZ, MAX_RATE_HZ = 1_000, 768_000
_SPARE_BYTES = 32 << 20
"""More than libavformat allocates in one go while it finds out what is in a file."""


class _Nameless:
    """Hides the name of a file from libavformat."""

    def __init__(self, file: IO[bytes]) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell


class _Fence:
    """Refuses every further file or address."""

    def __init__(self) -> None:
        self.refused: list[str] = []

    def __call__(self, url: str, _flags: int, _options: Mapping[str, str]) -> NoReturn:
        self.refused.append(url)
        raise PermissionError("the decoder opens one file only")


@dataclass(frozen=True, slots=True)
class Opened:
    """An open PyAV container.

    ``claims_duration``: its duration is what the file says, not worked out from its size.
    ``missing_bytes``: how much shorter the file is than its header says, where that is known.
    ``breaks_off``: the file lacks its end, and nothing tells how much of it.
    """

    container: Any
    claims_duration: bool
    size_bytes: int
    missing_bytes: int
    breaks_off: bool


@contextmanager
def open_media(file: IO[bytes]) -> Iterator[Opened]:
    """Open a seekable file of any kind.

    Raises:
        Invalid: empty, not a recording, a playlist or another file that points elsewhere.
        MemoryError: there is too little left to tell.
    """
    head = file.read(1024)
    if not head:
        raise Invalid("The file is empty: it has no bytes at all.", code="empty")
    size_bytes = file.seek(0, os.SEEK_END)
    breaks_off = head.startswith(ogg.MAGIC) and ogg.breaks_off(_tail(file, size_bytes))
    file.seek(0)
    fence = _Fence()
    av.logging.set_level(av.logging.WARNING)
    try:
        with av.logging.Capture() as log:
            container = av.open(
                _Nameless(file),
                mode="r",
                options={"codec_whitelist": DECODERS},
                container_options={"format_whitelist": DEMUXERS, "protocol_whitelist": "none"},
                io_open=fence,
                metadata_errors="replace",
            )
    except MemoryError:
        raise
    except (av.error.FFmpegError, ValueError, OverflowError) as error:
        _check_memory()
        raise _refusal(error, log, points=bool(fence.refused) or _points_elsewhere(head)) from error
    finally:
        # What libavformat says later would only fill the log, as often as a hostile file likes.
        av.logging.set_level(None)
    with container:
        # Nothing but the log tells when a duration was worked out from the bit rate.
        claimed = not any("Estimating duration" in text for _, _, text in log)
        yield Opened(container, claimed, size_bytes, _missing_bytes(head, size_bytes), breaks_off)


def usable_tracks(container: Any) -> list[Any]:
    """The audio streams that can be decoded.

    Raises:
        Invalid: there is none; the reason says why.
        MemoryError: there is too little left to tell.
    """
    tracks = [stream for stream in container.streams if stream.type == "audio"]
    troubles = [_trouble(track) for track in tracks]
    usable = [track for track, trouble in zip(tracks, troubles, strict=True) if trouble is None]
    if not usable:
        _check_memory()
    if not tracks:
        if any(stream.type == "video" for stream in container.streams):
            raise Invalid("The file is a video without a sound track: there is nothing to hear.", code="no-audio")
        raise Invalid("The file holds no sound track: there is nothing to hear.", code="no-audio")
    if not usable:
        raise Invalid(f"The file's sound track cannot be decoded: {troubles[0]}.", code="undecodable")
    for track in usable:
        # Of sound, threads take longer to start than they save.
        track.codec_context.thread_count = 1
    return usable


def _check_memory() -> None:
    """To be called before a file is blamed: libavformat goes on without what it got no memory for, and then a codec
    that could not be opened has no channels.

    Raises:
        MemoryError: hardly any is left.
    """
    try:
        mmap.mmap(-1, _SPARE_BYTES).close()
    except OSError as error:
        raise MemoryError("Too little memory is left to find out what is in the file.") from error


def _trouble(track: Any) -> str | None:
    context = track.codec_context
    if context is None:
        return "its codec is not known"
    if context.name not in _DECODER_NAMES:
        return f"its codec {context.name} is not accepted"
    return trouble_with(context.channels, context.sample_rate or 0)


def trouble_with(channels: int, rate_hz: int) -> str | None:
    """Why sound of this shape is refused: one frame of it could take any amount of memory."""
    if not 1 <= channels <= MAX_CHANNELS:
        return f"its header claims {channels} channels"
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        return f"its header claims {rate_hz} samples a second"
    return None


def _missing_bytes(head: bytes, size_bytes: int) -> int:
    """WAV and AVI say how long the file is; libavformat forgets it when the file is shorter."""
    said = int.from_bytes(head[4:8], "little") + 8
    if head[:4] != b"RIFF" or said >= _UNKNOWN_RIFF_SIZE:
        return 0
    return max(0, said - size_bytes)


def _tail(file: IO[bytes], size_bytes: int) -> bytes:
    file.seek(max(0, size_bytes - ogg.MAX_PAGE_BYTES))
    return file.read(ogg.MAX_PAGE_BYTES)


def _points_elsewhere(head: bytes) -> bool:
    """Whether a refused file is a playlist or the like; this only chooses the words of the refusal."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    return text.startswith(_POINTER_STARTS) or b"<MPD" in text or b"<CompositionPlaylist" in text


def _refusal(error: Exception, log: list[tuple[int, str, str]], *, points: bool) -> Invalid:
    detected = next((name for _, name, text in log if "not on whitelist" in text and name not in _DECODER_NAMES), "")
    if points or detected in _POINTERS:
        return Invalid(
            "The file is a playlist or points at other files: upload the recording itself.", code="points-elsewhere"
        )
    if detected.startswith(_PICTURES) or detected.endswith(_PICTURES):
        return Invalid("The file is a picture, not a recording.", code="not-media")
    if isinstance(error, av.error.InvalidDataError):
        return Invalid(
            "The file is not a recording that can be read: it is damaged, incomplete or of another kind.",
            code="not-media",
        )
    return Invalid("The file is not a recording: no sound or video was found in it.", code="not-media")
