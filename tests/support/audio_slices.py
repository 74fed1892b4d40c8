"""A second of sound in a store, as a part that can be fetched."""

from __future__ import annotations

import numpy as np

from polyvox import keys
from polyvox.audio import HEADER_BYTES, SAMPLE_RATE_HZ, encode_flac
from polyvox.contracts import AudioSlice
from polyvox.ports import ObjectStore


async def stored_slice(store: ObjectStore, media_id: str) -> AudioSlice:
    flac = encode_flac(np.zeros(SAMPLE_RATE_HZ, np.float32))
    await store.put(keys.audio(media_id), flac)
    return AudioSlice(key=keys.audio(media_id), header_bytes=HEADER_BYTES, start_byte=HEADER_BYTES, end_byte=len(flac))
