"""Recognises compressed audio that has no file header: MPEG audio, ADTS, LATM and AC-3 frames.

Two bytes of such a frame look like much else, so several frames must follow each other,
each where the one before says that it ends. Frame layouts: ISO/IEC 11172-3 2.4.1.3 (MPEG
audio), ISO/IEC 14496-3 1.A.3.2 (ADTS) and 1.7.2 (LOAS), ETSI TS 102 366 5.3 (AC-3).
"""

from __future__ import annotations

from collections.abc import Callable

SEARCH_BYTES = 16 * 1024
"""How far into the data the first frame is looked for: recorders cut streams anywhere."""
FRAMES = 4
"""Frames that must follow each other; fewer only where the data end."""

# Layer 1, 2, 3; in kbit/s by the header's 4-bit index. 0 stands for free format.
_MPEG1_KBPS = (
    (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
)
_MPEG2_KBPS = (
    (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)
_RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}

_AC3_KBPS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)
_AC3_RATES_HZ = (48000, 44100, 32000)

Frame = tuple[int, object]
"""Length in bytes, and what must be the same in the next frame."""


def frame_type(data: bytes) -> str | None:
    """Media type of the frames that ``data`` holds, from its start or a little later; or None."""
    for media_type, sync, parse in (
        ("audio/mpeg", b"\xff", _mpeg_frame),
        ("audio/aac", b"\xff", _adts_frame),
        ("audio/aac", b"\x56", _loas_frame),
        ("audio/ac3", b"\x0b\x77", _ac3_frame),
    ):
        at = data.find(sync, 0, SEARCH_BYTES)
        while at >= 0:
            if _follow_each_other(data, at, parse):
                return media_type
            at = data.find(sync, at + 1, SEARCH_BYTES)
    return None


def _follow_each_other(data: bytes, at: int, parse: Callable[[bytes], Frame | None]) -> bool:
    start, first, count = at, None, 0
    while count < FRAMES and at + 8 <= len(data):
        frame = parse(data[at : at + 8])
        if frame is None or (first is not None and frame[1] != first):
            return False
        first = frame[1]
        at += frame[0]
        count += 1
    # A very short recording is believed when it is nothing but frames.
    return count >= FRAMES or (count >= 2 and start == 0)


def _mpeg_frame(header: bytes) -> Frame | None:
    if header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    bitrate_index, rate_index, padding = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    if version == 1 or layer == 4 or bitrate_index in (0, 15) or rate_index == 3 or header[3] & 3 == 2:
        return None
    rate_hz = _RATES_HZ[version][rate_index]
    bitrate = 1000 * (_MPEG1_KBPS if version == 3 else _MPEG2_KBPS)[layer - 1][bitrate_index]
    if layer == 1:
        length = (12 * bitrate // rate_hz + padding) * 4
    else:
        length = (144 if layer == 2 or version == 3 else 72) * bitrate // rate_hz + padding
    return length, (version, layer, rate_hz)


def _adts_frame(header: bytes) -> Frame | None:
    if header[0] != 0xFF or header[1] & 0xF6 != 0xF0:
        return None
    rate_index = header[2] >> 2 & 15
    length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    if rate_index > 12 or length < 8:
        return None
    return length, (header[1] >> 3 & 1, header[2] >> 6, rate_index)


def _loas_frame(header: bytes) -> Frame | None:
    if header[0] != 0x56 or header[1] & 0xE0 != 0xE0:
        return None
    length = (header[1] & 0x1F) << 8 | header[2]
    return (length + 3, None) if length >= 4 else None


def _ac3_frame(header: bytes) -> Frame | None:
    if header[:2] != b"\x0b\x77":
        return None
    bitstream_id = header[5] >> 3
    if 11 <= bitstream_id <= 16:
        length = (((header[2] & 7) << 8 | header[3]) + 1) * 2
        return length, bitstream_id
    rate_index, size_code = header[4] >> 6, header[4] & 0x3F
    if bitstream_id > 10 or rate_index == 3 or size_code >= 2 * len(_AC3_KBPS):
        return None
    words = _AC3_KBPS[size_code // 2] * 96_000 // _AC3_RATES_HZ[rate_index]
    if rate_index == 1:
        words += size_code & 1
    return words * 2, (bitstream_id, rate_index)
