"""The languages an upload may name are those of the tokenizer that will write them."""

from __future__ import annotations

import pytest
from whisper.tokenizer import LANGUAGES

from polyvox import languages
from polyvox.weights import known_models


def test_the_list_is_that_of_whispers_tokenizer() -> None:
    assert tuple(LANGUAGES) == languages.LANGUAGES


@pytest.mark.parametrize("model", sorted(known_models()))
def test_every_model_takes_what_its_vocabulary_holds(model: str) -> None:
    # openai-whisper's checkpoints: 51865 tokens have 99 languages, the one more of large-v3 is Cantonese.
    has_cantonese = "v3" in model or model in ("large", "turbo")
    expected = 1 if model.endswith(".en") else 99 + has_cantonese
    assert len(languages.of_model(model)) == expected
