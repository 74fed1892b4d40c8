"""The decoder as a child process serves it: confined before it looks at the recording."""

from __future__ import annotations

import logging
from pathlib import Path

from ingest.decode.file import Decoded, decode_file
from ingest.decode.sandbox import confine


class Decoder:
    """Decodes one recording; the process is good for no other, since it opens no further file."""

    def decode(self, source: str, target: str, part_max_s: float, max_duration_s: float) -> Decoded:
        """Decode the file at ``source`` and write ``target``, a 16 kHz mono FLAC.

        Raises:
            Invalid: there is nothing to transcribe in the file; the reason says why.
        """
        with Path(source).open("rb") as original, Path(target).open("wb+") as flac:
            fences = confine()
            logging.getLogger(__name__).info("decoding confined by: %s", ", ".join(sorted(fences)) or "limits alone")
            return decode_file(original, flac, part_max_s=part_max_s, max_duration_s=max_duration_s)
