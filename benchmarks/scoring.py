"""Scores of transcripts against references: WER, DER, and how many words have the right speaker."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import jiwer
import numpy as np
from scipy.optimize import linear_sum_assignment
from whisper.normalizers import BasicTextNormalizer, EnglishTextNormalizer

N = TypeVar("N")


@dataclass(frozen=True, slots=True)
class Utterance:
    """One line of an STM reference: who said what, seconds from the start."""

    speaker: str
    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True, slots=True)
class Errors:
    """``words``: how many there are in the reference."""

    errors: int
    words: int


@dataclass(frozen=True, slots=True)
class SpokenTurn:
    start_s: float
    end_s: float
    speaker: str


def read_stm(path: Path) -> list[Utterance]:
    """Utterances of a NIST STM file, in its order."""
    utterances = []
    for line in path.read_text().splitlines():
        if line.strip() and not line.startswith(";;"):
            _, _, speaker, start, end, *text = line.split(maxsplit=5)
            utterances.append(Utterance(speaker, float(start), float(end), text[0] if text else ""))
    return utterances


def read_rttm(path: Path) -> list[SpokenTurn]:
    """Turns of a NIST RTTM file, in its order."""
    rows = [line.split() for line in path.read_text().splitlines() if line.startswith("SPEAKER")]
    return [SpokenTurn(float(row[3]), float(row[3]) + float(row[4]), row[7]) for row in rows]


def normalised(text: str, language: str = "en") -> str:
    """Whisper's own normalisation: lower case, no punctuation, English spelling and numbers unified."""
    return str(_normaliser(language == "en")(text)).strip()


@cache
def _normaliser(english: bool) -> Callable[[str], str]:
    with warnings.catch_warnings():
        # openai-whisper leaves the file of its spelling rules to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        return EnglishTextNormalizer() if english else BasicTextNormalizer()


def wer(reference: str, hypothesis: str, language: str = "en") -> float:
    """Word error rate after normalisation: 0 is perfect, may exceed 1."""
    return float(jiwer.wer(normalised(reference, language), normalised(hypothesis, language)))


def word_errors(reference: str, hypothesis: str, language: str = "en") -> Errors:
    """What ``wer`` is the ratio of."""
    true = normalised(reference, language)
    found = jiwer.process_words(true, normalised(hypothesis, language))
    return Errors(found.substitutions + found.deletions + found.insertions, len(true.split()))


def cp_errors(
    reference: Sequence[tuple[str, str]], hypothesis: Sequence[tuple[str, str | None]], language: str = "en"
) -> Errors:
    """Word errors of every speaker's words by themselves, under the best mapping of speakers (cpWER, by meeteval).

    Args:
        reference: (phrase, speaker) in order of time.
        hypothesis: (word with its leading space, speaker) in order of time. Words of nobody (None) are
            taken as those of one more speaker.
    """
    from meeteval.wer.wer.cp import cp_word_error_rate

    found = cp_word_error_rate(
        _streams(((f" {text}", name) for text, name in reference), language),
        _streams(hypothesis, language),
        reference_sort=False,
        hypothesis_sort=False,
    )
    return Errors(int(found.errors), int(found.length))


def _streams(items: Iterable[tuple[str, N]], language: str) -> dict[str, str]:
    said: dict[str, list[str]] = {}
    for text, name in items:
        said.setdefault(str(name), []).append(text)
    return {name: normalised("".join(texts), language) for name, texts in said.items()}


def annotation(turns: Iterable[SpokenTurn]) -> Any:
    """As pyannote.metrics wants them: a pyannote.core Annotation, a track for each turn."""
    from pyannote.core import Annotation, Segment

    result = Annotation()
    for index, turn in enumerate(turns):
        result[Segment(turn.start_s, turn.end_s), index] = turn.speaker
    return result


def der(reference: Sequence[SpokenTurn], hypothesis: Sequence[SpokenTurn], *, collar_s: float = 0.0) -> float:
    """Diarization error rate with overlaps counted (pyannote.metrics)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pyannote.core import Segment, Timeline
        from pyannote.metrics.diarization import DiarizationErrorRate

        end_s = max((turn.end_s for turn in (*reference, *hypothesis)), default=0.0)
        metric = DiarizationErrorRate(collar=2 * collar_s, skip_overlap=False)
        return float(metric(annotation(reference), annotation(hypothesis), uem=Timeline([Segment(0, end_s)])))


def speaker_accuracy(
    reference: Sequence[tuple[str, str]], hypothesis: Sequence[tuple[str, str | None]], language: str = "en"
) -> float:
    """Share of the words found in both whose speaker is right, under the best mapping of names.

    Args:
        reference, hypothesis: (word or phrase, speaker) in order of time.
    """
    expected, heard = _labelled(reference, language), _labelled(hypothesis, language)
    pairs: Counter[tuple[str, str | None]] = Counter()
    chunks = jiwer.process_words([" ".join(w for w, _ in expected)], [" ".join(w for w, _ in heard)]).alignments[0]
    for chunk in chunks:
        if chunk.type in ("equal", "substitute"):
            for offset in range(chunk.ref_end_idx - chunk.ref_start_idx):
                pairs[expected[chunk.ref_start_idx + offset][1], heard[chunk.hyp_start_idx + offset][1]] += 1
    names = sorted({name for name, _ in pairs})
    found = sorted({name for _, name in pairs if name not in (None, "unknown")}, key=str)
    counts = np.array([[pairs[name, other] for other in found] for name in names])
    rows, columns = linear_sum_assignment(-counts) if counts.size else ([], [])
    return float(sum(counts[row, column] for row, column in zip(rows, columns, strict=True)) / max(pairs.total(), 1))


def _labelled(items: Sequence[tuple[str, N]], language: str) -> list[tuple[str, N]]:
    return [(word, name) for text, name in items for word in normalised(text, language).split()]
