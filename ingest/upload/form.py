"""A request body as events, as it arrives: fields, the start of the file, the file's bytes.

Nothing is kept but the field at hand, so a body of any size takes constant memory.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import unquote

from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser, parse_options_header

from ingest.upload import refusals
from ingest.upload.options import is_option

MAX_PARTS = 128
MAX_FIELD_BYTES = 64 * 1024
MAX_FIELDS_BYTES = 256 * 1024
FORM_OVERHEAD_BYTES = 1024 * 1024
"""What a form may have around its file: fields, headers and boundaries."""


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class FileStart:
    """The events that follow are the file's bytes, until the next :class:`Field` or the end."""

    filename: str | None


Event = Field | FileStart | bytes


def boundary_of(content_type: str) -> str | None:
    """The boundary, if ``content_type`` is multipart/form-data; None for everything else.

    Raises:
        Problem: 400, multipart without a boundary.
    """
    kind, parameters = parse_options_header(content_type)
    if kind != "multipart/form-data":
        return None
    boundary = parameters.get("boundary")
    if not boundary:
        raise refusals.malformed("The Content-Type says multipart/form-data but names no boundary.")
    return str(boundary)


async def raw_events(chunks: AsyncIterator[bytes], filename: str | None) -> AsyncIterator[Event]:
    """A body that is the file itself."""
    yield FileStart(filename)
    async for chunk in chunks:
        yield chunk


async def form_events(chunks: AsyncIterator[bytes], boundary: str) -> AsyncIterator[Event]:
    """A multipart/form-data body.

    Raises:
        Problem: 400, when the body is no such form, ends too early, or has two files.
    """
    seen_file = False
    field: MultipartSegment | None = None
    value = bytearray()
    fields_bytes = 0
    async for event in _segments(chunks, boundary):
        if isinstance(event, MultipartSegment):
            if _is_file(event):
                if seen_file:
                    raise refusals.two_files()
                seen_file, field = True, None
                yield FileStart(_filename(event))
            else:
                field = event
                value.clear()
        elif event is None:
            if field is not None:
                yield Field(_text(field.name or ""), _decoded(field, value))
                field = None
        elif field is None:
            yield event
        else:
            value += event
            fields_bytes += len(event)
            if len(value) > MAX_FIELD_BYTES or fields_bytes > MAX_FIELDS_BYTES:
                raise refusals.malformed(
                    f"The field {_text(field.name or '')!r} is too long. If it is the recording, name it 'file'."
                )


async def _segments(chunks: AsyncIterator[bytes], boundary: str) -> AsyncIterator[MultipartSegment | bytes | None]:
    # Headers are read as Latin-1, which never fails, and names are decoded by _text afterwards.
    try:
        parser = PushMultipartParser(boundary, max_segment_count=MAX_PARTS, header_charset="latin-1")
        async for chunk in chunks:
            if chunk:
                for event in parser.parse(chunk):
                    yield event
    except ParserLimitReached as error:
        raise refusals.malformed(f"The form is beyond its limits: {error}.") from error
    except MultipartError as error:
        raise refusals.malformed(f"The body is not the form that the Content-Type announces: {error}.") from error
    try:
        parser.close()
    except MultipartError as error:
        raise refusals.cut_short() from error


def _is_file(segment: MultipartSegment) -> bool:
    if segment.name == "file":
        return True
    # An option may be read from a file (curl -F metadata=@meta.json) and is no recording then.
    return not is_option(segment.name or "") and (segment.filename is not None or _extended(segment) is not None)


def _filename(segment: MultipartSegment) -> str | None:
    extended = _extended(segment)
    if extended is not None:
        return extended
    return _text(segment.filename) if segment.filename is not None else None


def _extended(segment: MultipartSegment) -> str | None:
    """``filename*`` of RFC 5987, which some clients use for names beyond ASCII."""
    disposition = next((value for name, value in segment.headerlist if name == "Content-Disposition"), "")
    return extended_filename(disposition)


def extended_filename(disposition: str) -> str | None:
    found = re.search(r";\s*filename\*\s*=\s*utf-8'[^']*'([^;\s]+)", disposition, re.IGNORECASE)
    return unquote(found[1], errors="replace") if found else None


def _text(latin1: str) -> str:
    try:
        return latin1.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return latin1


def _decoded(field: MultipartSegment, value: bytearray) -> str:
    try:
        return bytes(value).decode(field.charset or "utf-8")
    except (UnicodeDecodeError, LookupError) as error:
        raise refusals.malformed(f"The field {_text(field.name or '')!r} is not text in UTF-8.") from error
