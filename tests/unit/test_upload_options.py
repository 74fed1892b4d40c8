"""Options as people write them: languages to choose among, and whether words that look made up stay."""

from __future__ import annotations

import pytest

from ingest.upload.options import Known, read_options
from polyvox.client.calls import form_fields
from polyvox.contracts import Options
from polyvox.http import Problem
from polyvox.settings import Settings

KNOWN = Known(engines=("ctranslate2",))


def test_languages_come_with_commas_between() -> None:
    options = read_options([("languages", "EN, de")], KNOWN)
    assert (options.language, options.languages) == (None, ["en", "de"])
    assert form_fields(options) == {"languages": "en,de"}
    assert read_options(list(form_fields(options).items()), KNOWN) == options


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ([("languages", "en,klingon")], "such as en,de"),
        ([("languages", "en,xx")], "does not know the language 'xx'"),
        ([("languages", "en,de"), ("language", "de")], "either language or languages"),
        ([("languages", "en,de"), ("model", "tiny.en")], "does not know the language 'de'"),
    ],
)
def test_languages_that_cannot_be_are_refused_with_a_reason(fields: list[tuple[str, str]], says: str) -> None:
    with pytest.raises(Problem, match=says):
        read_options(fields, KNOWN)


def test_what_looks_made_up_stays_for_who_asks_and_where_the_server_is_set_so() -> None:
    set_so = Known.of(Settings(keep_suspects=True))
    assert read_options([], KNOWN).keep_suspects is None
    assert read_options([("keep_suspects", "true")], KNOWN).keep_suspects is True
    assert read_options([], set_so).keep_suspects is True
    assert read_options([("keep_suspects", "false")], set_so).keep_suspects is False
    assert Known.of(Settings()).keep_suspects is None
    assert form_fields(Options(keep_suspects=True)) == {"keep_suspects": "true"}
