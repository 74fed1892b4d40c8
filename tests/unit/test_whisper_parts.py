"""Our encoder, decoder, rules and alignment do what openai-whisper's do, on the same weights (random, small)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from whisper.decoding import ApplyTimestampRules, SuppressBlank, SuppressTokens
from whisper.model import Whisper
from whisper.timing import dtw_cpu, median_filter
from whisper.tokenizer import get_tokenizer

from tests.support.small_whisper import DIMENSIONS, mels, small_whisper
from transcriber.engines.belief import best, loops, next_temperature, repeats, silent, unsure
from transcriber.engines.whisper.alignment import emphasised, first_positions, median_of_seven
from transcriber.engines.whisper.caches import Tokens
from transcriber.engines.whisper.decoder import Decoder
from transcriber.engines.whisper.encoder import Encoder
from transcriber.engines.whisper.hypothesis import Hypothesis
from transcriber.engines.whisper.linear import LinearMaker, Precision
from transcriber.engines.whisper.rules import Grammar, Vocabulary, choose, restrict

pytestmark = pytest.mark.filterwarnings("ignore:.*tiktoken:pytest.PytestUnraisableExceptionWarning")

SEQUENCES = [[50258, 50259, 50359, 50364, 11, 22, 33, 44], [50258, 50262, 50359, 50364, 99, 8, 7, 66]]


@pytest.fixture(autouse=True)
def without_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield


@pytest.fixture(scope="module")
def model() -> Whisper:
    return small_whisper()


@pytest.fixture(scope="module")
def mel() -> torch.Tensor:
    return mels(2)


def logits_of(model: Whisper, precision: Precision, features: torch.Tensor) -> tuple[torch.Tensor, Decoder]:
    """Of both sequences, the first entering alone with its prompt, the second while the first is being written."""
    decoder = Decoder(model, LinearMaker(precision, "cpu"), rows=2, slots=2)
    for slot in (0, 1):
        decoder.hear(slot, features[slot].to(decoder.dtype))
    found = torch.zeros(2, 8, DIMENSIONS.n_vocab)
    for ids, rows, positions in steps():
        none = np.where(positions < 3, -1, positions - 3)
        logits = decoder.step(Tokens(ids, rows, rows, positions, none), np.arange(len(ids)))
        found[rows, positions] = logits
    return found, decoder


def steps() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    first, second = (np.array(sequence) for sequence in SEQUENCES)
    yield first[:4], np.zeros(4, int), np.arange(4)
    yield np.concatenate([first[4:5], second[:5]]), np.array([0, 1, 1, 1, 1, 1]), np.array([4, 0, 1, 2, 3, 4])
    for at in range(5, 8):
        yield np.array([first[at], second[at]]), np.array([0, 1]), np.array([at, at])


def test_features_are_the_same(model: Whisper, mel: torch.Tensor) -> None:
    ours = Encoder(model, LinearMaker("float32", "cpu"))(mel)
    torch.testing.assert_close(ours, model.encoder(mel), rtol=1e-4, atol=1e-4)


def test_logits_are_the_same_whoever_shares_the_batch(model: Whisper, mel: torch.Tensor) -> None:
    features = model.encoder(mel)
    ours, _ = logits_of(model, "float32", features)
    torch.testing.assert_close(ours, model.decoder(torch.tensor(SEQUENCES), features), rtol=1e-3, atol=1e-3)


def test_a_row_that_stood_idle_writes_as_any_other(model: Whisper, mel: torch.Tensor) -> None:
    features = model.encoder(mel)
    decoder = Decoder(model, LinearMaker("float32", "cpu"), rows=4, slots=4)
    decoder.hear(3, features[0])
    ids, none = np.array(SEQUENCES[0]), np.full(8, -1)
    for at in range(3):
        decoder.step(Tokens(ids[at : at + 1], np.array([3]), np.array([3]), np.array([at]), none[:1]), np.array([0]))
    decoder.hear(1, features[1])
    ids, rows = np.array(SEQUENCES[1]), np.full(8, 1)
    ours = decoder.step(Tokens(ids, rows, rows, np.arange(8), none), np.arange(8))
    expected = model.decoder(torch.tensor(SEQUENCES[1:]), features[1:])[0]
    torch.testing.assert_close(ours, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("precision", "off"), [("int8", 0.003), ("bfloat16", 0.05)])
def test_less_precision_stays_close(model: Whisper, mel: torch.Tensor, precision: Precision, off: float) -> None:
    linear = LinearMaker(precision, "cpu")
    features = model.encoder(mel)
    ours = Encoder(model, linear)(mel.to(linear.dtype)).float()
    assert ((ours - features).norm() / features.norm()).item() < off
    exact, (logits, _) = model.decoder(torch.tensor(SEQUENCES), features), logits_of(model, precision, features)
    assert ((logits - exact).norm() / exact.norm()).item() < 0.05


def test_short_audio_is_encoded_short(model: Whisper, mel: torch.Tensor) -> None:
    encoder = Encoder(model, LinearMaker("float32", "cpu"))
    assert encoder(mel[:, :, :200]).shape == (2, 100, 128)
    encoder.positions = 1500
    assert [encoder.positions_for(seconds) for seconds in (0.5, 2.0, 29.0)] == [300, 350, 1500]


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_what_the_heads_heard_is_recorded(model: Whisper, mel: torch.Tensor, precision: Precision) -> None:
    features = model.encoder(mel)
    scores = []
    hooks = [
        block.cross_attn.register_forward_hook(lambda _, inputs, outputs: scores.append(outputs[-1]))
        for block in model.decoder.blocks
    ]
    from whisper.model import disable_sdpa

    with disable_sdpa():
        model.decoder(torch.tensor(SEQUENCES), features)
    for hook in hooks:
        hook.remove()
    chosen = model.alignment_heads.to_dense().nonzero().tolist()
    _, decoder = logits_of(model, precision, features)
    for row in (0, 1):
        theirs = torch.stack([scores[layer][row, head, 3:] for layer, head in chosen])
        close = 1e-3 if precision == "float32" else 0.1
        torch.testing.assert_close(decoder.caches.scores(np.full(5, row), row), theirs, rtol=close, atol=close)


def test_the_rules_are_openais() -> None:
    tokenizer = get_tokenizer(True, num_languages=99, language="en", task="transcribe")
    vocabulary = Vocabulary.of(tokenizer, "cpu")
    theirs = [SuppressTokens(vocabulary.never.tolist()), ApplyTimestampRules(tokenizer, 0, 50)]
    generator = torch.Generator().manual_seed(0)
    grammar = Grammar(4)
    written: list[list[int]] = [[] for _ in range(4)]
    rows = np.arange(4)
    for step in range(40):
        logits = torch.randn(4, DIMENSIONS.n_vocab, generator=generator)
        # Timestamps and the end must come up often enough for every rule to matter.
        logits[:, vocabulary.first_timestamp :] += torch.tensor([0.0, 4.0, 8.0, 2.0])[:, None] * (step % 3 > 0)
        expected = logits.clone()
        for rule in theirs:
            rule.apply(expected, torch.tensor(written, dtype=torch.long).reshape(4, step))
        sums = restrict(logits, grammar, rows, vocabulary)
        assert torch.equal(logits, expected)
        tokens, logprobs = choose(logits, sums, np.zeros(4, np.float32), [], generator)
        chances = expected.log_softmax(-1)
        torch.testing.assert_close(logprobs, chances.gather(1, tokens[:, None])[:, 0], rtol=1e-4, atol=1e-4)
        grammar.note(rows, tokens.numpy(), vocabulary)
        for row, token in enumerate(tokens.tolist()):
            written[row].append(token)


def test_without_timestamps_the_rules_are_openais_beside_rows_that_write_them() -> None:
    tokenizer = get_tokenizer(True, num_languages=99, language="en", task="transcribe")
    vocabulary = Vocabulary.of(tokenizer, "cpu")
    no_timestamps = list(range(vocabulary.first_timestamp, DIMENSIONS.n_vocab))
    plain = [SuppressBlank(tokenizer, 0), SuppressTokens([*vocabulary.never.tolist(), *no_timestamps])]
    timed = [SuppressTokens(vocabulary.never.tolist()), ApplyTimestampRules(tokenizer, 0, 50)]
    grammar, rows = Grammar(2), np.arange(2)
    grammar.start(0, timed=False)
    grammar.start(1, timed=True)
    written = torch.zeros(2, 0, dtype=torch.long)
    generator = torch.Generator().manual_seed(4)
    for step in range(3):
        logits = torch.randn(2, DIMENSIONS.n_vocab, generator=generator)
        logits[:, [vocabulary.blank, vocabulary.first_timestamp + 3]] += 20
        expected = logits.clone()
        for row, rules in enumerate((plain, timed)):
            for rule in rules:
                rule.apply(expected[row : row + 1], written[row : row + 1])
        if step == 0:
            # Ours begins with no language either.
            expected[0, vocabulary.end :] = -torch.inf
        sums = restrict(logits, grammar, rows, vocabulary)
        assert torch.equal(logits, expected)
        torch.testing.assert_close(sums, expected.logsumexp(-1), rtol=1e-5, atol=1e-5)
        tokens = logits.argmax(-1)
        grammar.note(rows, tokens.numpy(), vocabulary)
        written = torch.cat([written, tokens[:, None]], 1)


def test_drawing_follows_the_temperature() -> None:
    logits = torch.tensor([[2.0, 1.0, -torch.inf]]).repeat(4000, 1)
    heat = np.full(4000, 0.5, np.float32)
    sums, seeds = logits.logsumexp(-1), range(4000)
    tokens, _ = choose(logits, sums, heat, seeds, torch.Generator())
    assert (tokens == 0).float().mean().item() == pytest.approx(1 / (1 + np.exp(-2)), abs=0.03)
    assert not (tokens == 2).any()
    again, _ = choose(logits[:7], sums[:7], heat[:7], seeds[100:107], torch.Generator())
    assert torch.equal(again, tokens[100:107]), "what is drawn depends on who else draws"


def test_alignment_is_openais() -> None:
    scores = 3 * torch.randn(4, 9, 120, generator=torch.Generator().manual_seed(2))
    weights = scores.softmax(-1)
    deviation, mean = torch.std_mean(weights, dim=-2, keepdim=True, unbiased=False)
    matrix = median_filter((weights - mean) / deviation, 7).mean(0)
    torch.testing.assert_close(median_of_seven(weights), median_filter(weights, 7))
    torch.testing.assert_close(emphasised(scores), matrix)
    tokens, times = dtw_cpu(-matrix.double().numpy())
    first = times[np.pad(np.diff(tokens), (1, 0), constant_values=1).astype(bool)]
    assert first_positions(matrix.numpy()).tolist() == first.tolist()


def heard(text: str, logprob: float = -0.2, no_speech: float = 0.0, looping: bool = False) -> Hypothesis:
    tokens = list(range(8))
    return Hypothesis(tokens, np.full(9, logprob, np.float32), text, no_speech, 0.0, looping)


def test_only_what_is_not_believed_is_written_again() -> None:
    good, loop, doubt = heard("That is it."), heard("no " * 60), heard("Maybe.", -1.5)
    assert next_temperature([good]) is None
    assert next_temperature([loop]) == 0.2
    assert next_temperature([loop, doubt]) == 0.4
    assert next_temperature([loop, good]) is None
    assert next_temperature([loop], first=0.5) == 0.6
    assert next_temperature([loop] * 4, first=0.5) is None
    assert best([loop, good]) == good
    assert best([loop, doubt] * 3) == doubt
    assert (repeats(good), repeats(loop), repeats(heard("no", looping=True))) == (False, True, True)
    likely, likelier = heard("It may be.", -0.6), heard("It is.", -0.55)
    assert (unsure(good), unsure(likely), unsure(loop)) == (False, True, True)
    assert best([likely, likelier]) == best([likelier, likely]) == likelier
    assert best([likely, loop]) == best([likely, doubt]) == likely
    stuck = heard("I don't know. I don't know, I don't know.", -0.6)
    assert (next_temperature([stuck]), best([stuck, doubt])) == (0.2, doubt)
    sure = heard("I don't know. I don't know, I don't know.")
    assert (next_temperature([sure]), best([sure, likely])) == (None, sure)
    twice = heard("We were there, we were there too.", -0.6)
    assert (next_temperature([twice]), best([twice, doubt])) == (None, twice)
    nobody = heard("Thank you.", -1.5, no_speech=0.9)
    assert silent(nobody)
    assert next_temperature([loop, nobody]) is None
    assert best([loop, nobody]) == nobody


@pytest.mark.parametrize(
    ("tokens", "looping"),
    [
        ([1, 2, 3, 4, 5] * 4, True),
        ([9, 8, *[7] * 12], True),
        ([7] * 5, False),
        ([*range(40)], False),
        ([*[1, 2, 3] * 4, 9], False),
    ],
)
def test_a_loop_is_the_same_again_and_again_at_the_end(tokens: list[int], looping: bool) -> None:
    assert loops(tokens) is looping
