"""Models of one's own, in every form that people have them in, write what the published one of these weights does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from polyvox import weights
from polyvox.cli.demo import sample
from polyvox.errors import Invalid
from polyvox.settings import Settings
from polyvox.weights.own import OwnModels
from tests.support.audio_files import RATE_HZ, read_audio
from tests.support.checkpoints import write_openai, write_transformers
from transcriber.engines import ct2_checkpoint
from transcriber.engines.base import TranscribeOptions
from transcriber.engines.registry import folder_of, load
from transcriber.engines.whisper.checkpoint import load_model

pytestmark = [
    pytest.mark.models,
    pytest.mark.filterwarnings("ignore:.*tiktoken:pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def published() -> Path:
    return weights.pull("whisper-base", Settings().weights_dir)


@pytest.fixture(scope="module")
def own(published: Path, tmp_path_factory: pytest.TempPathFactory) -> OwnModels:
    folder = tmp_path_factory.mktemp("own")
    model = load_model(published)
    (folder / "empty").mkdir()
    (folder / "damaged.pt").write_bytes(b"no checkpoint")
    places = {
        "checkpoint": write_openai(model, folder / "tuned.pt"),
        "transformers": write_transformers(model, folder / "tuned"),
        "ctranslate2": published,
        "empty": folder / "empty",
        "damaged": folder / "damaged.pt",
    }
    return OwnModels.of({name: str(place) for name, place in places.items()})


@pytest.fixture(scope="module")
def home(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of weights to which converted ones are added."""
    home = tmp_path_factory.mktemp("weights")
    (home / "whisper-base").symlink_to(published)
    return home


@pytest.mark.parametrize("form", ["checkpoint", "transformers", "ctranslate2"])
def test_every_form_holds_the_same_model(published: Path, own: OwnModels, form: str) -> None:
    kept = load_model(own.here(form))
    assert kept.decoder.token_embedding.weight.dtype == torch.float16, "twice the file's memory"
    theirs, ours = load_model(published).float(), kept.float()
    state = ours.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in theirs.state_dict().items())
    assert torch.equal(ours.alignment_heads.to_dense(), theirs.alignment_heads.to_dense())


def test_a_checkpoint_is_made_into_ctranslate2s_once_and_writes_the_same_words(
    published: Path, own: OwnModels, home: Path
) -> None:
    folder = folder_of("ctranslate2", "checkpoint", home, own)
    made = ct2_checkpoint.read_tensors(folder / "model.bin")
    theirs = ct2_checkpoint.read_tensors(published / "model.bin")
    assert all(np.array_equal(made[name], tensor) for name, tensor in theirs.items())
    assert folder_of("ctranslate2", "checkpoint", home, own) == folder
    assert folder_of("ctranslate2", "ctranslate2", home, own) == published
    assert_the_same_words("ctranslate2", "checkpoint", own, home)


def test_a_folder_of_transformers_writes_the_same_words(own: OwnModels, home: Path) -> None:
    assert_the_same_words("whisper", "transformers", own, home)


def assert_the_same_words(name: str, form: str, own: OwnModels, home: Path) -> None:
    engine = load(name, weights_dir=home, own=own)
    speech = read_audio(sample())[6 * RATE_HZ : 14 * RATE_HZ]
    base, ours = (engine.transcribe(speech, TranscribeOptions(language="en", model=m)) for m in ("base", form))
    assert len(base.words) > 8
    assert ours.words == base.words
    assert engine.warm(form) == ()


@pytest.mark.parametrize("engine", ["ctranslate2", "whisper"])
@pytest.mark.parametrize("form", ["empty", "damaged"])
def test_what_holds_no_weights_is_said(own: OwnModels, home: Path, engine: str, form: str) -> None:
    loaded = load(engine, weights_dir=home, own=own)
    with pytest.raises(Invalid, match=r"no weights|no checkpoint"):
        loaded.transcribe(np.zeros(RATE_HZ, np.float32), TranscribeOptions(model=form))
