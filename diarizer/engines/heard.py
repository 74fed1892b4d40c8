"""What was heard in a stretch of a recording: what is known before anybody is told apart.

It does not depend on how many speakers were asked for, is small (about 3 MB for an hour), and is all
that the end of the work needs: whoever has it need not listen again.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diarizer.engines.timeline import FRAMES, MAX_SPEAKERS
from polyvox.errors import Invalid


@dataclass(frozen=True, slots=True)
class Heard:
    """Windows of a stretch, in order."""

    starts_s: NDArray[np.float64]
    """Where they begin in the recording, shape (windows,)."""
    active: NDArray[np.bool_]
    """Who speaks, by window: shape (windows, FRAMES, MAX_SPEAKERS)."""
    vectors: NDArray[np.float32]
    """Their voices, shape (windows, MAX_SPEAKERS, dimension); NaN for those who do not speak."""
    end_s: float
    """How far the recording was read."""
    is_last: bool

    def packed(self) -> bytes:
        file = io.BytesIO()
        np.savez_compressed(
            file,
            starts_s=self.starts_s,
            active=np.packbits(self.active.reshape(len(self.active), -1), axis=1),
            vectors=self.vectors,
            end_s=self.end_s,
            is_last=self.is_last,
        )
        return file.getvalue()

    @classmethod
    def unpacked(cls, packed: bytes) -> Heard:
        """Raises Invalid when that was not packed by ``packed``."""
        try:
            with np.load(io.BytesIO(packed), allow_pickle=False) as file:
                active = np.unpackbits(file["active"], axis=1, count=FRAMES * MAX_SPEAKERS)
                return cls(
                    starts_s=file["starts_s"],
                    active=active.reshape(-1, FRAMES, MAX_SPEAKERS).astype(np.bool_),
                    vectors=file["vectors"],
                    end_s=float(file["end_s"]),
                    is_last=bool(file["is_last"]),
                )
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise Invalid(f"what was heard before cannot be read: {error}", code="bad-checkpoint") from error


def joined(stretches: list[Heard]) -> Heard:
    """One of many that follow each other."""
    return Heard(
        starts_s=np.concatenate([each.starts_s for each in stretches]),
        active=np.concatenate([each.active for each in stretches]),
        vectors=np.concatenate([each.vectors for each in stretches]),
        end_s=stretches[-1].end_s,
        is_last=stretches[-1].is_last,
    )
