"""Splits a FLAC stream of fixed-size blocks (RFC 9639) into its frames. No decoding.

A frame does not say how long it is. Parsers look for the next thing that resembles a frame
header, and compressed noise resembles one now and then; at the ends of a slice, where there is
little to compare with, they get it wrong. Here the next header is known in advance to the
last byte, because it differs from the one before in its number and checksum only. Six to nine
bytes that match are the next frame. Only the last frame, whose block may be shorter, is looked
for by its number and checksum alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from polyvox.errors import Invalid

MARKER = b"fLaC"
STREAMINFO_BYTES = 34
HEADER_BYTES = 4 + 4 + STREAMINFO_BYTES
"""Marker, block header and STREAMINFO: all that the pipeline's own files have before their frames."""
_CHUNK_BYTES = 1 << 20
_FIXED_BLOCKS = b"\xff\xf8"
_EXTRA_SIZE_BYTES = {6: 1, 7: 2}
_EXTRA_RATE_BYTES = {12: 1, 13: 2, 14: 2}


def read_streaminfo(file: IO[bytes]) -> bytes:
    """The 34 bytes of STREAMINFO; afterwards ``file`` stands at the first frame.

    Raises:
        Invalid: this is no FLAC file.
    """
    if file.read(4) != MARKER:
        raise _broken("it does not start with the FLAC marker")
    streaminfo = b""
    while True:
        head = file.read(4)
        if len(head) < 4:
            raise _broken("its header is cut off")
        kind, size_bytes = head[0] & 0x7F, int.from_bytes(head[1:], "big")
        body = file.read(size_bytes)
        if len(body) < size_bytes:
            raise _broken("its header is cut off")
        if kind == 0:
            streaminfo = body
        if head[0] & 0x80:
            break
    if len(streaminfo) != STREAMINFO_BYTES:
        raise _broken("it has no STREAMINFO")
    return streaminfo


def read_frames(file: IO[bytes]) -> Iterator[bytes]:
    """The frames from here to the end of ``file``, one after the other; about a megabyte is held.

    Raises:
        Invalid: there is something else than frames of one block size with successive numbers.
    """
    held = bytearray(file.read(_CHUNK_BYTES))
    if not held:
        return
    header = _Header.at(held, 0)
    at_end = False
    while True:
        expected = header.next()
        found = held.find(expected, header.size_bytes)
        while found < 0 and not at_end:
            searched = max(header.size_bytes, len(held) - len(expected) + 1)
            chunk = file.read(_CHUNK_BYTES)
            at_end = not chunk
            held += chunk
            found = held.find(expected, searched)
        if found < 0:
            found = _last_header(held, header)
            yield bytes(held[:found])
            if found < len(held):
                yield bytes(held[found:])
            return
        yield bytes(held[:found])
        del held[:found]
        header = _Header.at(held, 0)


class _Header:
    """A frame header: four fixed bytes, the number, sizes that did not fit, a checksum."""

    def __init__(self, fixed: bytes, number: int, extra: bytes) -> None:
        self.fixed, self.number, self.extra = fixed, number, extra
        self.size_bytes = len(fixed) + len(coded_number(number)) + len(extra) + 1

    @classmethod
    def at(cls, data: bytearray, at: int) -> _Header:
        """The header at ``at``. Raises Invalid where there is none."""
        header = cls.if_any(data, at)
        if header is None:
            raise _broken("a frame is missing or damaged, or blocks differ in size")
        return header

    @classmethod
    def if_any(cls, data: bytearray, at: int) -> _Header | None:
        """The header at ``at``, or None where there is none whose checksum is right."""
        fixed = bytes(data[at : at + 4])
        read = _read_number(data, at + 4)
        if fixed[:2] != _FIXED_BLOCKS or read is None:
            return None
        number, length = read
        extra_bytes = _EXTRA_SIZE_BYTES.get(fixed[2] >> 4, 0) + _EXTRA_RATE_BYTES.get(fixed[2] & 0xF, 0)
        end = at + 4 + length + extra_bytes
        if len(data) <= end or crc8(data[at:end]) != data[end]:
            return None
        return cls(fixed, number, bytes(data[at + 4 + length : end]))

    def follows(self, other: _Header) -> bool:
        """Whether all but the block size is alike."""
        return self.fixed[2] & 0xF == other.fixed[2] & 0xF and self.fixed[3] == other.fixed[3]

    def next(self) -> bytes:
        """The header of the frame that follows, if its block has the same size."""
        header = self.fixed + coded_number(self.number + 1) + self.extra
        return header + bytes([crc8(header)])


def _last_header(data: bytearray, header: _Header) -> int:
    """Where a shorter block follows the frame at the start of ``data``; its end, if none does."""
    at = data.find(_FIXED_BLOCKS, header.size_bytes)
    while at >= 0:
        found = _Header.if_any(data, at)
        if found is not None and found.number == header.number + 1 and found.follows(header):
            return at
        at = data.find(_FIXED_BLOCKS, at + 1)
    return len(data)


def coded_number(number: int) -> bytes:
    """A frame number as FLAC writes it: like UTF-8, up to 36 bits."""
    if number < 0x80:
        return bytes([number])
    tail = bytearray()
    room = 0x3F
    while number > room:
        tail.append(0x80 | number & 0x3F)
        number >>= 6
        room >>= 1
    return bytes([(0xFF ^ (room << 1 | 1)) | number, *reversed(tail)])


def _read_number(data: bytearray, at: int) -> tuple[int, int] | None:
    """The number coded at ``at``, and how many bytes it takes; None where there is none."""
    first = data[at] if at < len(data) else 0xFF
    if first < 0x80:
        return first, 1
    length = 8 - (first ^ 0xFF).bit_length()
    if not 2 <= length <= 7 or len(data) < at + length:
        return None
    number = first & (0x7F >> length)
    for byte in data[at + 1 : at + length]:
        number = number << 6 | byte & 0x3F
    return number, length


def _crc8_table() -> bytes:
    table = []
    for start in range(256):
        value = start
        for _ in range(8):
            value = (value << 1 ^ 0x07) & 0xFF if value & 0x80 else value << 1
        table.append(value)
    return bytes(table)


_CRC8 = _crc8_table()


def crc8(data: bytes | bytearray) -> int:
    """Checksum of a frame header: polynomial x^8 + x^2 + x + 1, starting at 0."""
    value = 0
    for byte in data:
        value = _CRC8[value ^ byte]
    return value


def _broken(why: str) -> Invalid:
    return Invalid(f"the stored audio is not readable FLAC: {why}", code="bad-flac")
