"""The decoder as a child process serves it: confined before it looks at the recording."""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import av
import numpy as np

from ingest.decode.file import Decoded, decode_file
from ingest.decode.flac import FlacWriter, new_encoder
from ingest.decode.sandbox import confine
from polyvox.audio import SAMPLE_RATE_HZ

_prepared: list[av.CodecContext] = []
"""What this process has, or was forked with, to write one file."""


def prepare() -> None:
    """Do once, where decoding processes are forked from, what each of them would begin with.

    A second of nothing is decoded, so that all that is set up at its first use is; and an encoder is
    made, whose memory takes longer to fill with zeros than a short recording to encode.
    """
    source = io.BytesIO()
    writer = FlacWriter(source)
    writer.add(np.zeros(SAMPLE_RATE_HZ, np.int16))
    writer.close()
    source.seek(0)
    decode_file(source, io.BytesIO(), part_max_s=60.0, max_duration_s=60.0)
    _prepared.append(new_encoder())


class Decoder:
    """Decodes one recording; the process is good for no other, since it opens no further file."""

    def decode(
        self, source: str, target: str, part_max_s: float, max_duration_s: float, channels: Sequence[str] = ()
    ) -> Decoded:
        """Decode the file at ``source`` and write ``target``, a 16 kHz mono FLAC, and one for each of its channels.

        Raises:
            Invalid: there is nothing to transcribe in the file; the reason says why.
        """
        with ExitStack() as opened:
            original = opened.enter_context(Path(source).open("rb"))
            flac, *others = [opened.enter_context(Path(path).open("wb+")) for path in (target, *channels)]
            fences = confine()
            logging.getLogger(__name__).info("decoding confined by: %s", ", ".join(sorted(fences)) or "limits alone")
            encoder = _prepared.pop() if _prepared else None
            return decode_file(
                original,
                flac,
                part_max_s=part_max_s,
                max_duration_s=max_duration_s,
                encoder=encoder,
                channels=others,
            )
