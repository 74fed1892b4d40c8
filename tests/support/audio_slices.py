"""Samples in a store, as a part that can be fetched."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from polyvox import keys
from polyvox.audio import HEADER_BYTES, SAMPLE_RATE_HZ, encode_flac
from polyvox.contracts import AudioSlice
from polyvox.ports import ObjectStore

SECOND_OF_SILENCE = np.zeros(SAMPLE_RATE_HZ, np.float32)


async def stored_slice(
    store: ObjectStore, media_id: str, samples: NDArray[np.float32] = SECOND_OF_SILENCE
) -> AudioSlice:
    """All of ``samples``, stored as the audio of a recording."""
    flac = encode_flac(samples)
    await store.put(keys.audio(media_id), flac)
    return AudioSlice(key=keys.audio(media_id), header_bytes=HEADER_BYTES, start_byte=HEADER_BYTES, end_byte=len(flac))
