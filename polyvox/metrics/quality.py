"""How good transcripts are, as far as they tell themselves; counted once for each published version."""

from __future__ import annotations

from polyvox.metrics.metric import SHARES, Metric

WORDS = Metric("polyvox_words_total", "counter", "words", ("tenant_class",), "Words of published transcripts.")
SUSPECT_WORDS = Metric(
    "polyvox_suspect_words_total",
    "counter",
    "words",
    ("tenant_class",),
    "Words that look made up, whether they are left out of transcripts or flagged in them.",
)
SPEECH = Metric(
    "polyvox_speech_seconds_total",
    "counter",
    "seconds",
    ("tenant_class",),
    "Speech that was heard where words could be expected.",
)
SPEECH_COVERED = Metric(
    "polyvox_speech_covered_seconds_total",
    "counter",
    "seconds",
    ("tenant_class",),
    "Of the speech heard, that with words.",
)
COVERAGE_GAPS = Metric(
    "polyvox_coverage_gaps_total",
    "counter",
    "gaps",
    ("tenant_class",),
    "Stretches of speech without words that are longer than a breath, after what second attempts found.",
)
COVERAGE_GAP_TIME = Metric(
    "polyvox_coverage_gap_seconds_total", "counter", "seconds", ("tenant_class",), "Length of those stretches."
)
RETAKES = Metric(
    "polyvox_retakes_total",
    "counter",
    "retakes",
    ("outcome",),
    "Second attempts at stretches of a part that lacked words: they found words, nothing although somebody speaks, "
    "no-speech, or failed.",
)
CONFIDENCE = Metric(
    "polyvox_word_confidence_ratio",
    "histogram",
    "ratio",
    ("tenant_class",),
    "Mean probability of the words of a transcript, as its model gave them.",
    SHARES,
)
LANGUAGES = Metric(
    "polyvox_transcripts_total",
    "counter",
    "transcripts",
    ("language",),
    "Published transcripts by language: one of Whisper's codes, other, or none.",
)
SPEAKERS = Metric(
    "polyvox_speakers",
    "histogram",
    "speakers",
    ("tenant_class",),
    "Speakers of published transcripts that have any.",
    (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 20.0),
)
WITHOUT_STAGE = Metric(
    "polyvox_transcripts_without_stage_total",
    "counter",
    "transcripts",
    ("stage",),
    "Transcripts published although a stage had failed, such as those without speakers.",
)

ALL = (
    WORDS,
    SUSPECT_WORDS,
    SPEECH,
    SPEECH_COVERED,
    COVERAGE_GAPS,
    COVERAGE_GAP_TIME,
    RETAKES,
    CONFIDENCE,
    LANGUAGES,
    SPEAKERS,
    WITHOUT_STAGE,
)
