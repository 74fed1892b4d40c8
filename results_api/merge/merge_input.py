"""Everything a transcript is made from, gathered from a recording's view and artifacts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from polyvox.contracts import Diarization, Options, PartSpan, PartWords, StageReport
from results_api.people.recognition import Recognised
from results_api.view.stages import stage_reports
from results_api.view.view import RecordingView


@dataclass(frozen=True, slots=True)
class MergeInput:
    """``parts`` are those the recording was cut into, ``words`` those whose words are there, in any order.

    ``diarization`` None: not there (yet), or ``stages["diarize"]`` says why it never will be.
    """

    media_id: str
    duration_s: float
    parts: tuple[PartSpan, ...] = ()
    words: tuple[PartWords, ...] = ()
    diarization: Diarization | None = None
    retakes: tuple[PartWords, ...] = ()
    """What second attempts heard, in any order."""
    people: Mapping[str, Recognised] = field(default_factory=dict)
    """Who of the speakers was recognised."""
    options: Options = field(default_factory=Options)
    stages: Mapping[str, StageReport] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    """What the normaliser has to say, lost seconds included."""
    versions: Mapping[str, str] = field(default_factory=dict)


def merge_input(
    view: RecordingView,
    words: Iterable[PartWords],
    diarization: Diarization | None,
    versions: Mapping[str, str],
    retakes: Iterable[PartWords] = (),
    people: Mapping[str, Recognised] = MappingProxyType({}),
) -> MergeInput:
    """What ``merge`` needs: the artifacts that the view names are ``words``, ``diarization`` and ``retakes``."""
    ready = view.ready.data if view.ready else None
    return MergeInput(
        media_id=view.media_id,
        duration_s=ready.duration_s if ready else 0.0,
        parts=tuple(ready.parts) if ready else (),
        words=tuple(words),
        diarization=diarization,
        retakes=tuple(retakes),
        people=people,
        options=view.options,
        stages=stage_reports(view),
        warnings=tuple(ready.warnings) if ready else (),
        versions=versions,
    )
