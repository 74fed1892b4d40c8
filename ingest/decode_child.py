"""The decoder as a child process serves it: confined before it looks at the recording."""

from __future__ import annotations

import io
import logging
import tempfile
import wave
from pathlib import Path

from ingest.decode import Decoded, decode_file
from ingest.decode_sandbox import confine
from polyvox.errors import Invalid


class Decoder:
    """Decodes one recording; the process is good for no other, since it opens no further file."""

    def __init__(self) -> None:
        # Afterwards nothing can be imported, so whatever is imported late must be by now.
        with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as target:
            with wave.open(source, "wb") as tone:
                tone.setparams((2, 2, 8000, 0, "NONE", "not compressed"))
                tone.writeframes(bytes(range(256)) * 64)
            source.seek(0)
            decode_file(source, target, part_max_s=1.0, max_duration_s=60.0)
        try:
            decode_file(io.BytesIO(), io.BytesIO(), part_max_s=1.0, max_duration_s=60.0)
        except Invalid as expected:
            logging.getLogger(__name__).debug("ready: %s", expected.code)

    def decode(self, source: str, target: str, part_max_s: float, max_duration_s: float) -> Decoded:
        """Decode the file at ``source`` and write ``target``, a 16 kHz mono FLAC.

        Raises:
            Invalid: there is nothing to transcribe in the file; the reason says why.
        """
        with Path(source).open("rb") as original, Path(target).open("wb+") as flac:
            fences = confine()
            logging.getLogger(__name__).info("decoding confined by: %s", ", ".join(sorted(fences)) or "limits alone")
            return decode_file(original, flac, part_max_s=part_max_s, max_duration_s=max_duration_s)
