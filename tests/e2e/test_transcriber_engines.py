"""Both engines on real weights and real speech: right words, right language, silence left alone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.scoring import read_stm, wer
from polyvox import weights
from polyvox.cli.demo import sample
from polyvox.errors import Invalid
from polyvox.settings import Settings
from tests.support.audio_files import RATE_HZ, read_audio
from transcriber.engines.base import TranscribeOptions, TranscriberEngine, Transcription
from transcriber.engines.registry import ENGINES, load

pytestmark = [
    pytest.mark.models,
    # openai-whisper leaves the files of its vocabulary to the garbage collector.
    pytest.mark.filterwarnings("ignore:.*tiktoken:pytest.PytestUnraisableExceptionWarning"),
]

Audio = NDArray[np.float32]


@pytest.fixture(scope="module")
def weights_dir() -> Path:
    folder = Settings().weights_dir
    weights.pull("whisper-base", folder)
    return folder


@pytest.fixture(scope="module")
def engines(weights_dir: Path) -> Iterator[dict[str, TranscriberEngine]]:
    yield {name: load(name, weights_dir=weights_dir) for name in ENGINES}


@pytest.fixture(scope="module")
def speech() -> Audio:
    return read_audio(sample())


@pytest.fixture(scope="module")
def heard(engines: dict[str, TranscriberEngine], speech: Audio) -> dict[str, Transcription]:
    return {name: engine.transcribe(speech, TranscribeOptions()) for name, engine in engines.items()}


def text(result: Transcription) -> str:
    return "".join(word.text for word in result.words)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_words_are_right(heard: dict[str, Transcription], engine: str) -> None:
    reference = " ".join(utterance.text for utterance in read_stm(sample().with_suffix(".stm")))
    assert wer(reference, text(heard[engine])) <= 0.30


def test_the_engines_agree(heard: dict[str, Transcription]) -> None:
    assert wer(text(heard["whisper"]), text(heard["ctranslate2"])) <= 0.10


@pytest.mark.parametrize("engine", ENGINES)
def test_words_have_plausible_times_and_probabilities(heard: dict[str, Transcription], engine: str) -> None:
    result = heard[engine]
    assert all(before.end_s <= after.start_s for before, after in pairwise(result.words))
    assert all(0 <= word.start_s <= word.end_s <= 30 for word in result.words)
    assert all(0 < word.probability <= 1 for word in result.words)
    # Diane says her first word at 6.68 s and the last but two at about 29 s, says the reference.
    assert result.words[0].start_s == pytest.approx(6.68, abs=0.4)
    assert result.words[-1].end_s == pytest.approx(29.99, abs=0.4)
    inside = [any(low <= word.start_s <= high for low, high in result.speech) for word in result.words]
    assert sum(inside) >= 0.9 * len(inside)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_language_is_found_with_its_rivals(heard: dict[str, Transcription], engine: str) -> None:
    result = heard[engine]
    assert (result.language, len(result.languages)) == ("en", 5)
    chances = [chance for _, chance in result.languages]
    assert chances == sorted(chances, reverse=True)
    assert chances[0] > 0.9
    assert sum(chances) <= 1 + 1e-6


def test_the_same_part_gives_the_same_words_again(
    engines: dict[str, TranscriberEngine], heard: dict[str, Transcription], speech: Audio
) -> None:
    assert engines["ctranslate2"].transcribe(speech, TranscribeOptions()) == heard["ctranslate2"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_cut_at_the_first_and_last_word_keeps_both(
    engines: dict[str, TranscriberEngine], speech: Audio, engine: str
) -> None:
    """From "Hello." to "there.", nothing before and after: a part may be cut like that."""
    cut = speech[int(7.634 * RATE_HZ) : int(9.95 * RATE_HZ)]
    words = text(engines[engine].transcribe(cut, TranscribeOptions(language="en"))).lower().split()
    assert "hello" in words[0]
    assert "there" in words[-1]


@pytest.mark.parametrize("engine", ENGINES)
def test_digits_have_times_like_all_words(
    engines: dict[str, TranscriberEngine], eval_dir: Path, eval_manifest: list[dict[str, Any]], engine: str
) -> None:
    """Press 1 to switch to playback mode, press 8 to truncate the file and start over."""
    recording = next(m for m in eval_manifest if m["id"] == "ast-en-dictate_record_help")
    words = engines[engine].transcribe(read_audio(eval_dir / recording["path"]), TranscribeOptions()).words
    digits = [word for word in words if word.text.strip(" ,.") in ("1", "8")]
    assert len(digits) == 2
    assert all(0.05 <= word.end_s - word.start_s <= 1.0 for word in digits)
    assert all(before.end_s <= after.start_s for before, after in pairwise(words))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_recording_that_changes_its_language_keeps_both(
    engines: dict[str, TranscriberEngine], eval_dir: Path, eval_manifest: list[dict[str, Any]], engine: str
) -> None:
    recording = next(m for m in eval_manifest if m["id"] == "comp-codeswitch-de-en-o")
    result = engines[engine].transcribe(read_audio(eval_dir / recording["path"]), TranscribeOptions())
    spoken = {word.language or result.language for word in result.words}
    assert spoken == {"de", "en"}
    said = {"de": {"und", "der", "die"}, "en": {"the", "and", "of"}}
    for language, usual in said.items():
        mine = {w.text.strip(" .,").lower() for w in result.words if (w.language or result.language) == language}
        assert usual & mine
        assert not set.union(*(words for other, words in said.items() if other != language)) & mine
    assert {"de", "en"} == {language for language, _ in result.languages[:2]}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_language_off_the_list_is_not_considered(
    engines: dict[str, TranscriberEngine], speech: Audio, engine: str
) -> None:
    result = engines[engine].transcribe(speech, TranscribeOptions(languages=("de", "nl"), task="detect"))
    assert {language for language, _ in result.languages} == {"de", "nl"}
    assert sum(chance for _, chance in result.languages) == pytest.approx(1.0)
    with pytest.raises(Invalid, match="does not know the language 'xx'"):
        engines[engine].transcribe(speech, TranscribeOptions(languages=("de", "xx")))


def test_times_survive_a_long_pause(engines: dict[str, TranscriberEngine], speech: Audio) -> None:
    pause_s = 60.0
    first, second = speech[: int(9.82 * RATE_HZ)], speech[int(21.7 * RATE_HZ) :]
    joined = np.concatenate([first, np.zeros(int(pause_s * RATE_HZ), np.float32), second])
    result = engines["ctranslate2"].transcribe(joined, TranscribeOptions(language="en"))
    after = [word for word in result.words if word.start_s > 10]
    assert after[0].start_s == pytest.approx(9.82 + pause_s + 21.935 - 21.7, abs=0.4)
    assert after[-1].end_s == pytest.approx(9.82 + pause_s + 29.987 - 21.7, abs=0.4)
    assert not [word for word in result.words if 9.9 < word.start_s < 69.5]


def test_the_prompt_decides_how_a_name_is_spelt(engines: dict[str, TranscriberEngine], speech: Audio) -> None:
    prompt = "A call between Dyanne in New Jersey and Sheelah in Texas."
    result = engines["ctranslate2"].transcribe(speech, TranscribeOptions(language="en", prompt=prompt))
    assert "Dyanne" in text(result)
    assert "Sheelah" in text(result)


@pytest.mark.parametrize("noise", ["silence", "white noise", "hum", "nothing"])
def test_where_nobody_speaks_there_are_no_words(engines: dict[str, TranscriberEngine], noise: str) -> None:
    times_s = np.arange(20 * RATE_HZ) / RATE_HZ
    audio = {
        "silence": np.zeros(times_s.size),
        "white noise": np.random.default_rng(1).normal(0, 0.1, times_s.size),
        "hum": 0.3 * np.sin(2 * np.pi * 50 * times_s),
        "nothing": np.zeros(0),
    }[noise].astype(np.float32)
    result = engines["ctranslate2"].transcribe(audio, TranscribeOptions())
    assert (result.words, result.speech, result.language, result.languages) == ([], [], None, [])
    assert engines["ctranslate2"].detect_language(audio) == []


@pytest.mark.parametrize("engine", ENGINES)
def test_what_does_not_exist_is_refused(
    engines: dict[str, TranscriberEngine], speech: Audio, weights_dir: Path, engine: str
) -> None:
    short = speech[7 * RATE_HZ : 10 * RATE_HZ]
    # Cantonese is a language of Whisper's, but base has no token for it.
    for language in ("xx", "yue"):
        with pytest.raises(Invalid, match=f"does not know the language '{language}'"):
            engines[engine].transcribe(short, TranscribeOptions(language=language))
    with pytest.raises(Invalid, match="there is no model 'enormous'"):
        engines[engine].transcribe(short, TranscribeOptions(model="enormous"))
    with pytest.raises(Invalid, match="there is no engine"):
        load("abacus", weights_dir=weights_dir)


def test_languages_of_real_recordings_are_found(
    engines: dict[str, TranscriberEngine], eval_dir: Path, eval_manifest: list[dict[str, Any]]
) -> None:
    spoken = [m for m in eval_manifest if m["set"] == "multilingual" and "wat-" in m["id"]][::2]
    found = {}
    for recording in spoken:
        audio = read_audio(eval_dir / recording["path"])
        found[recording["id"]] = engines["ctranslate2"].detect_language(audio)[:1]
    right = [m["id"] for m in spoken if [language for language, _ in found[m["id"]]] == [m["language"]]]
    assert len(right) >= 0.9 * len(spoken), found


@pytest.mark.parametrize("engine", ENGINES)
def test_where_nobody_speaks_to_be_understood_there_are_no_words(
    engines: dict[str, TranscriberEngine], eval_dir: Path, eval_manifest: list[dict[str, Any]], engine: str
) -> None:
    # Speech played backwards has all the signs of a language that nobody here knows: see docs/trust.md.
    quiet = [m for m in eval_manifest if m["set"] == "nonspeech" and "reversed" not in m["id"]]
    made_up = {}
    for recording in quiet:
        result = engines[engine].transcribe(read_audio(eval_dir / recording["path"]), TranscribeOptions())
        # Babble is voices: a word or two are no wonder.
        if len(result.words) > (3 if "babble" in recording["id"] else 0):
            made_up[recording["id"]] = text(result)
    assert quiet
    assert not made_up


def test_translation_is_english(
    engines: dict[str, TranscriberEngine], eval_dir: Path, eval_manifest: list[dict[str, Any]]
) -> None:
    german = next(
        m for m in eval_manifest if m["set"] == "multilingual" and m["language"] == "de" and m["reference_text"]
    )
    audio = read_audio(eval_dir / german["path"])
    result = engines["ctranslate2"].transcribe(audio, TranscribeOptions(language="de", task="translate"))
    english = {"the", "a", "is", "of", "to", "and", "in", "i", "it", "you", "that", "was", "for", "he", "she"}
    words = {word.text.strip(" .,!?").lower() for word in result.words}
    assert words & english
    assert not words & {"der", "die", "das", "und", "ist", "nicht", "ein", "ich"}
