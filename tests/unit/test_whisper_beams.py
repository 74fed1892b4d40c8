"""Beam search in one batch finds what openai-whisper's finds, window by window, on the same weights (random, small)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from whisper.decoding import DecodingOptions, decode
from whisper.model import Whisper

from tests.support.small_whisper import DIMENSIONS, OPENAI_SEARCH, mels, small_whisper
from transcriber.engines.belief import best
from transcriber.engines.whisper import batch, beams
from transcriber.engines.whisper.batch import Batch, Job
from transcriber.engines.whisper.caches import Tokens
from transcriber.engines.whisper.hypothesis import Hypothesis
from transcriber.engines.whisper.linear import Precision
from transcriber.engines.whisper.model import WhisperModel

pytestmark = pytest.mark.filterwarnings("ignore:.*tiktoken:pytest.PytestUnraisableExceptionWarning")

WINDOWS = 4
BEAMS = 4
TOKENS = DIMENSIONS.n_text_ctx // 2 + 1


@pytest.fixture(autouse=True)
def without_gradients(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # Nobody believes what random weights write, and they loop: the first try as a whole is what counts here.
    monkeypatch.setattr(batch, "next_temperature", lambda _tried, _first: None)
    monkeypatch.setattr(batch, "unsure", lambda _written: False)
    monkeypatch.setattr(batch, "LOOK_FOR_LOOPS_EVERY", 1000)
    with torch.inference_mode():
        yield


@pytest.fixture(scope="module")
def source() -> Whisper:
    model = small_whisper()
    with torch.no_grad():
        # Some sequences have to come to an end, as those of a trained model do.
        model.decoder.token_embedding.weight[50257] *= 6
    return model


def searched(
    source: Whisper,
    precision: Precision,
    features: torch.Tensor,
    *,
    rows: int,
    timestamps: bool = False,
    temperature: float = 0.0,
) -> dict[int, Hypothesis]:
    """Each window's hypothesis from a batch of so many at once."""
    model = WhisperModel(source, device="cpu", precision=precision, rows=rows, beams=BEAMS)
    jobs: list[Any] = [
        Job(
            np.zeros(0, np.float32),
            "en",
            "transcribe",
            None,
            window,
            features[window].to(model.decoder.dtype),
            timestamps=timestamps,
            temperature=temperature,
        )
        for window in range(len(features))
    ]
    found: dict[int, Hypothesis] = {}
    Batch(model).run(
        lambda free: [jobs.pop(0) for _ in range(min(free, len(jobs)))],
        lambda job, hypothesis: found.update({job.owner: hypothesis}),
    )
    return found


def test_what_is_unsure_is_written_with_timestamps_too(source: Whisper, monkeypatch: pytest.MonkeyPatch) -> None:
    features = source.encoder(mels(WINDOWS))
    plain, timed = (searched(source, "float32", features, rows=2, timestamps=each) for each in (False, True))
    monkeypatch.setattr(batch, "unsure", lambda _written: True)
    found = searched(source, "float32", features, rows=2)
    for window in range(WINDOWS):
        assert plain[window].tokens != timed[window].tokens
        assert found[window].tokens == best([plain[window], timed[window]]).tokens


@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_a_window_is_written_the_same_to_the_last_bit_whoever_shares_the_batch(
    source: Whisper, temperature: float
) -> None:
    features = source.encoder(mels(WINDOWS))
    alone, together = (searched(source, "int8", features, rows=rows, temperature=temperature) for rows in (1, WINDOWS))
    for window in range(WINDOWS):
        assert alone[window].tokens == together[window].tokens
        assert np.array_equal(alone[window].logprobs, together[window].logprobs)
    assert {found.temperature >= temperature for found in together.values()} == {True}


# openai-whisper sorts tensors with numpy.
@pytest.mark.filterwarnings("ignore:__array_wrap__:DeprecationWarning")
@pytest.mark.parametrize("timestamps", [False, True])
def test_without_recombination_it_writes_openais_tokens_whoever_shares_the_batch(
    source: Whisper, timestamps: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beams, "SEARCH", OPENAI_SEARCH)
    features = source.encoder(mels(WINDOWS))
    options = DecodingOptions(
        language="en",
        beam_size=BEAMS,
        fp16=False,
        max_initial_timestamp=10.0,
        sample_len=TOKENS,
        without_timestamps=not timestamps,
        # Those that it may write without timestamps it never does when it is trained.
        suppress_tokens=[-1] if timestamps else [-1, *range(50364, DIMENSIONS.n_vocab)],
    )
    # Several windows at once are more than its beam search takes.
    theirs = [decode(source, window, options) for window in features]
    ours = searched(source, "float32", features, rows=2, timestamps=timestamps)
    ended = 0
    for window, expected in enumerate(theirs):
        assert ours[window].tokens == expected.tokens
        assert ours[window].mean_logprob == pytest.approx(expected.avg_logprob, abs=1e-3)
        assert ours[window].no_speech_probability == pytest.approx(expected.no_speech_prob, rel=1e-3)
        ended += len(expected.tokens) < TOKENS
    assert ended > 0


@pytest.mark.parametrize(("precision", "close"), [("float32", 1e-3), ("int8", 0.2)])
def test_what_moved_between_rows_is_what_the_tokens_alone_would_leave(
    source: Whisper, precision: Precision, close: float
) -> None:
    features = source.encoder(mels(WINDOWS))
    model = WhisperModel(source, device="cpu", precision=precision, rows=1)
    prompt = list(model.tokenizer("en", "transcribe").sot_sequence_including_notimestamps)
    for window, hypothesis in searched(source, precision, features, rows=3).items():
        model.decoder.hear(0, features[window].to(model.decoder.dtype))
        ids = np.array(prompt + hypothesis.tokens[:-1])
        none = np.zeros(len(ids), np.int64)
        columns = np.maximum(np.arange(len(ids)) - len(prompt) + 1, -1)
        count = len(hypothesis.tokens)
        model.decoder.step(Tokens(ids, none, none, np.arange(len(ids)), columns), np.arange(len(ids)))
        alone = model.decoder.caches.scores(np.zeros(count, int), 0)
        torch.testing.assert_close(hypothesis.heard[:, :count], alone, rtol=1e-3, atol=close)
