"""Tells what a file is from its first bytes. Names and declared types are never asked.

Only containers and streams that carry audio are known here: text, playlists, images,
documents and programs are not, so they come out as None. Whether the audio can be decoded
is the normaliser's question.
"""

from __future__ import annotations

import re

from ingest.upload.frames import frame_type

SNIFF_BYTES = 64 * 1024

_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_WAVE64 = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_MXF = bytes.fromhex("060e2b34020501010d0102")

_PREFIXES: tuple[tuple[bytes, str], ...] = (
    (b"fLaC", "audio/flac"),
    (b".snd", "audio/basic"),
    (b"caff\x00\x01", "audio/x-caf"),
    (b"#!AMR-WB", "audio/amr-wb"),
    (b"#!AMR", "audio/amr"),
    (b"#!iLBC", "audio/ilbc"),
    (b"#!SILK_V3", "audio/silk"),
    (b"\x02#!SILK_V3", "audio/silk"),
    (b"wvpk", "audio/x-wavpack"),
    (b"MAC ", "audio/x-ape"),
    (b"TTA1", "audio/x-tta"),
    (b"MPCK", "audio/x-musepack"),
    (b"MP+", "audio/x-musepack"),
    (b"DSD ", "audio/x-dsf"),
    (b"\x02dss", "audio/x-dss"),
    (b"\x03dss", "audio/x-dss"),
    (b"NIST_1A\n", "audio/x-nist"),
    (b"Creative Voice File\x1a", "audio/x-voc"),
    (b".RMF", "application/vnd.rn-realmedia"),
    (b".ra\xfd", "audio/x-realaudio"),
    (b"FLV\x01", "video/x-flv"),
    (b"\x00\x00\x01\xba", "video/mpeg"),
    (_ASF, "video/x-ms-asf"),
    (_WAVE64, "audio/x-w64"),
    (_MXF, "application/mxf"),
)

# Of a chunked file: (its first four bytes, the form at byte 8).
_FORMS: dict[tuple[bytes, bytes], str] = {
    **{(riff, b"WAVE"): "audio/wav" for riff in (b"RIFF", b"RIFX", b"RF64", b"BW64", b"FFIR")},
    (b"RIFF", b"AVI "): "video/x-msvideo",
    (b"RIFF", b"QLCM"): "audio/qcelp",
    (b"RIFF", b"RMP3"): "audio/mpeg",
    (b"FORM", b"AIFF"): "audio/aiff",
    (b"FORM", b"AIFC"): "audio/aiff",
    (b"FORM", b"8SVX"): "audio/x-8svx",
    (b"FRM8", b"DSD "): "audio/x-dff",
}

# ISO media files of these brands are still images.
_IMAGE_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis", b"crx "}
# What QuickTime files from before the ``ftyp`` box start with.
_QUICKTIME_BOXES = {b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}


def sniff(head: bytes) -> str | None:
    """Media type of a file that starts with ``head`` (64 KiB are enough), or None if it is no media."""
    head = head[:SNIFF_BYTES]
    body = _after_id3(head)
    if body != head and not body.strip(b"\x00"):
        # Cover art fills the rest: only audio files start with an ID3 tag.
        return "audio/mpeg"
    known = (
        next((media_type for prefix, media_type in _PREFIXES if body.startswith(prefix)), None)
        or _FORMS.get((body[:4], body[8:12]))
        or _ogg(body)
        or _matroska(body)
        or _iso_media(body)
        or _transport_stream(body)
        or frame_type(body)
    )
    if known is None and body != head:
        return "audio/mpeg"
    return known


def _after_id3(head: bytes) -> bytes:
    """``head`` without the ID3v2 tags at its start (https://id3.org/id3v2.4.0-structure, 3.1)."""
    while head[:3] == b"ID3" and len(head) >= 10 and head[3] < 0xFF and all(byte < 0x80 for byte in head[6:10]):
        size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
        footer = 10 if head[5] & 0x10 else 0
        head = head[10 + size + footer :]
    return head


def _ogg(head: bytes) -> str | None:
    if not head.startswith(b"OggS\x00"):
        return None
    is_video = any(codec in head[:4096] for codec in (b"\x80theora", b"BBCD\x00", b"OVP80", b"\x01video\x00"))
    return "video/ogg" if is_video else "audio/ogg"


def _matroska(head: bytes) -> str | None:
    if not head.startswith(b"\x1a\x45\xdf\xa3"):
        return None
    # The DocType element (0x4282) follows within the EBML header; its length takes one byte or eight.
    return "video/webm" if re.search(rb"\x42\x82(?:\x84|\x01\x00{6}\x04)webm", head[:1024]) else "video/x-matroska"


def _iso_media(head: bytes) -> str | None:
    box, brand, size = head[4:8], head[8:12], int.from_bytes(head[:4], "big")
    if box == b"ftyp" and size >= 8:
        if brand in _IMAGE_BRANDS:
            return None
        if brand == b"qt  ":
            return "video/quicktime"
        if brand.startswith((b"3g", b"kddi")):
            return "video/3gpp"
        return "audio/mp4" if brand in (b"M4A ", b"M4B ", b"F4A ", b"F4B ") else "video/mp4"
    if box in (b"styp", b"moof") and size >= 8:
        return "video/mp4"
    # Size 1 says that 64 bits of size follow; 0 that the box goes on to the end of the file.
    is_old_quicktime = box in _QUICKTIME_BOXES and (size >= 8 or size == 1 or (size == 0 and box == b"mdat"))
    return "video/quicktime" if is_old_quicktime else None


def _transport_stream(head: bytes) -> str | None:
    """MPEG-TS packets are 188 bytes and start with 0x47; M2TS puts 4 bytes before, some add 16 of parity."""
    for packet_bytes, offset in ((188, 0), (192, 4), (204, 0)):
        packets = range(offset, min(len(head), offset + packet_bytes * 8), packet_bytes)
        if len(packets) >= 4 and all(head[at] == 0x47 for at in packets):
            return "video/mp2t"
    return None
