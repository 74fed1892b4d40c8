"""The engine `pyannote`: runs a pyannote.audio pipeline and gives its result our form."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pyannote.core import Annotation

from diarizer import turns as arithmetic
from diarizer.engines.base import Diarized, DiarizeOptions, EngineTurn

logger = logging.getLogger(__name__)

SAMPLE_RATE_HZ = 16_000
_SHARES = {"segmentation": (0.0, 0.3), "embeddings": (0.3, 0.67)}
"""Where a step's progress starts, and how much of the whole it is."""


class PyannoteEngine:
    """A loaded pipeline; `diarizer.engines.published` makes one."""

    name = "pyannote"

    def __init__(self, pipeline: Any, model: str) -> None:
        self._pipeline = pipeline
        self.model = model

    def diarize(
        self,
        audio: NDArray[np.float32],
        options: DiarizeOptions,
        progress: Callable[[float], None] | None = None,
    ) -> Diarized:
        """Diarize mono float32 samples, shape (n,), 16 kHz. ``progress`` gets 0 to 1.

        The number of speakers is met when there are at least as many stretches of speech to
        tell apart. Without speech there are no turns.
        """
        report = progress or (lambda _: None)
        duration_s = len(audio) / SAMPLE_RATE_HZ
        if len(audio) == 0:
            return Diarized([], [], {})
        with warnings.catch_warnings():
            # A missed number of speakers is said below; the rest is about NaN and short inputs.
            warnings.simplefilter("ignore")
            output = self._pipeline(
                # Given as samples, so that pyannote never opens a file.
                {"waveform": torch.from_numpy(audio)[None], "sample_rate": SAMPLE_RATE_HZ, "uri": "recording"},
                hook=_hook(report),
                **_bounds(options),
            )
        result = _in_our_form(output, duration_s)
        _note_missed_bounds(options, len({turn.speaker for turn in result.turns}))
        report(1.0)
        return result


def _bounds(options: DiarizeOptions) -> dict[str, int]:
    if options.num_speakers is not None:
        return {"num_speakers": max(1, options.num_speakers)}
    bounds: dict[str, int] = {}
    if options.min_speakers is not None:
        bounds["min_speakers"] = max(1, options.min_speakers)
    if options.max_speakers is not None:
        bounds["max_speakers"] = max(bounds.get("min_speakers", 1), options.max_speakers)
    return bounds


def _hook(report: Callable[[float], None]) -> Callable[..., None]:
    def hook(step: str, _artifact: Any, *, completed: int | None = None, total: int | None = None, **_: Any) -> None:
        if step in _SHARES and completed is not None and total:
            start, share = _SHARES[step]
            report(start + share * min(1.0, completed / total))

    return hook


def _in_our_form(output: Any, duration_s: float) -> Diarized:
    """From a DiarizeOutput, or from the bare Annotation that older pipelines give."""
    annotation = output if isinstance(output, Annotation) else output.speaker_diarization
    centres = None if isinstance(output, Annotation) else output.speaker_embeddings
    vectors = {} if centres is None else _unit_vectors(annotation.labels(), centres)
    turns = arithmetic.within(_turns(annotation), duration_s)
    if centres is not None:
        # pyannote makes up a speaker, whose vector is 0, where more people speak at once than it knows.
        turns = [turn for turn in turns if turn.speaker in vectors]
    names = arithmetic.names_by_first_speech(turns)
    if isinstance(output, Annotation):
        exclusive = arithmetic.exclusive(turns)
    else:
        given = arithmetic.within(_turns(output.exclusive_speaker_diarization), duration_s)
        exclusive = arithmetic.exclusive(turn for turn in given if turn.speaker in names)
    return Diarized(
        turns=arithmetic.renamed(turns, names),
        exclusive_turns=arithmetic.renamed(exclusive, names),
        embeddings={names[old]: vectors[old] for old in names if old in vectors},
    )


def _turns(annotation: Annotation) -> list[EngineTurn]:
    return [
        EngineTurn(float(segment.start), float(segment.end), str(speaker))
        for segment, _, speaker in annotation.itertracks(yield_label=True)
    ]


def _unit_vectors(speakers: list[str], centres: NDArray[np.floating[Any]]) -> dict[str, NDArray[np.float32]]:
    vectors: dict[str, NDArray[np.float32]] = {}
    for speaker, centre in zip(speakers, centres, strict=True):
        length = float(np.linalg.norm(centre))
        if np.isfinite(length) and length > 0.0:
            vectors[str(speaker)] = (centre / length).astype(np.float32)
    return vectors


def _note_missed_bounds(options: DiarizeOptions, found: int) -> None:
    low = options.num_speakers or options.min_speakers or 0
    high = options.num_speakers or options.max_speakers or found
    if found and not low <= found <= high:
        logger.info("found %d speakers, although %s were asked for: there is too little speech", found, options)
