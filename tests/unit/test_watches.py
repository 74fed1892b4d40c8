"""What is watched, and what is wrong with settings that cannot be kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ingest.bucket.watches import Watch, Watches, load_watches
from ingest.bucket.wishes import asked_for, of_names, of_sidecar
from ingest.upload.options import Known
from polyvox.errors import Fatal, Invalid
from polyvox.settings import Settings

KNOWN = Known.of(Settings())


def load(*entries: Any, **settings: Any) -> list[Watch]:
    return list(load_watches(Settings(watches=json.dumps(entries), **settings)))


def test_a_watch_needs_no_more_than_a_bucket() -> None:
    (watch,) = load({"bucket": "calls"})
    assert (watch.prefix, watch.tenant, watch.lane, watch.sidecars) == ("", "default", "bulk", True)


def test_watches_may_come_from_a_file_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "watches.json"
    file.write_text('[{"bucket": "calls", "prefix": "in/"}]')
    assert [watch.prefix for watch in load_watches(Settings(watches=str(file)))] == ["in/"]
    assert list(load_watches(Settings())) == []
    assert list(load_watches(Settings(watches=" "))) == []


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("/nowhere/watches.json", "neither a JSON list nor a file"),
        ("[{", "not valid JSON"),
        ('[{"bucket": "calls", "colour": "red"}]', "watch 1 .* colour"),
        ('[{"bucket": "calls"}, {"bucket": "x"}]', "watch 2 .* bucket"),
        ('[{"bucket": "calls", "lane": "slow"}]', "watch 1 .* lane"),
        ('[{"bucket": "calls", "options": {"language": "klingon"}}]', "watch 1 .*has an option .* ISO 639"),
        ('[{"bucket": "calls", "options": {"langauge": "de"}}]', "watch 1 .*has an option .*langauge"),
        ('[{"bucket": "calls"}, {"bucket": "calls"}]', "s3://calls/ is watched twice"),
        ('[{"prefix": ""}]', "covers 'media/', where Polyvox keeps its own"),
        ('[{"prefix": "media/in/"}]', "covers 'media/'"),
        ('[{"prefix": "tenants/"}]', "covers 'tenants/'"),
        ('[{"prefix": "access/"}]', "covers 'access/'"),
    ],
)
def test_a_setting_that_cannot_be_kept_says_what_is_wrong(setting: str, says: str) -> None:
    with pytest.raises(Fatal, match=says):
        load_watches(Settings(watches=setting))


def test_the_own_bucket_may_be_watched_beside_what_polyvox_keeps_in_it() -> None:
    (watch,) = load({"prefix": "in/"}, s3_bucket="polyvox", s3_prefix="data/")
    assert watch.bucket == "polyvox"
    with pytest.raises(Fatal, match="data/media/"):
        load({"prefix": "data/"}, s3_bucket="polyvox", s3_prefix="data/")
    assert load({"bucket": "calls", "prefix": ""}, s3_bucket="polyvox", s3_prefix="data/")


def test_the_longest_prefix_is_responsible() -> None:
    watches = Watches.of(
        [Watch(bucket="calls"), Watch(bucket="calls", prefix="in/a/"), Watch(bucket="calls", prefix="in/")]
    )
    keys = {"in/a/x": "in/a/", "in/x": "in/", "x": ""}
    assert {key: watches.responsible_for("calls", key).prefix for key in keys} == keys  # type: ignore[union-attr]
    assert watches.responsible_for("other", "in/x") is None


def test_folders_name_tenants_where_a_watch_says_so() -> None:
    watch = Watch(prefix="inbox/", tenant="front-office", tenant_folders=True)
    keys = {"inbox/acme/call.wav": "acme", "inbox/acme/2026/call.wav": "acme", "inbox/call.wav": "front-office"}
    assert {key: watch.tenant_of(key) for key in keys} == keys
    assert Watch(prefix="inbox/", tenant="front-office").tenant_of("inbox/acme/call.wav") == "front-office"
    assert watch.may_be_for("acme", "bulk")
    assert not watch.may_be_for("acme", "interactive")
    assert not Watch(prefix="inbox/").may_be_for("acme", "bulk")


@pytest.mark.parametrize(
    ("key", "size_bytes", "sort"),
    [
        ("in/a.wav", 9, "recording"),
        ("in/a.WAV", 9, "recording"),
        ("in/empty.wav", 0, "recording"),
        ("in/folder/", 0, "ignored"),
        ("in/folder.wav/", 0, "ignored"),
        ("in/a.wav.json", 9, "sidecar"),
        ("in/a.mp3", 9, "ignored"),
        ("in/.hidden.wav", 9, "ignored"),
        ("in/sub/.hidden.wav", 9, "ignored"),
        ("in/old/a.wav", 9, "ignored"),
        ("in/a.wav.part", 9, "ignored"),
    ],
)
def test_what_becomes_a_recording(key: str, size_bytes: int, sort: str) -> None:
    watch = Watch(bucket="calls", prefix="in/", suffixes=(".wav",), ignore=(".*", "*.part", "old/*"))
    assert watch.sort_of(key, size_bytes) == sort


def test_without_suffixes_everything_is_a_recording_and_json_too_where_there_are_no_sidecars() -> None:
    assert Watch(bucket="calls").sort_of("report.pdf", 9) == "recording"
    assert Watch(bucket="calls", sidecars=False).sort_of("a.wav.json", 9) == "recording"


def test_the_sidecar_goes_before_tags_and_these_before_the_prefix() -> None:
    options = asked_for(
        [
            {"language": "de", "diarize": False, "metadata": {"from": "prefix", "a": "1"}},
            of_names({"polyvox-language": "fr", "Polyvox-Metadata-From": "metadata", "other": "x"}),
            of_names({"polyvox-language": "it", "polyvox-prompt": " Polyvox ", "polyvox-metadata-b": "2"}),
            of_sidecar(b'{"language": "EN", "metadata": {"from": "sidecar", "case": 17}}'),
        ],
        KNOWN,
    )
    assert (options.language, options.diarize, options.prompt) == ("en", False, "Polyvox")
    assert options.metadata == {"from": "sidecar", "a": "1", "b": "2", "case": "17"}


def test_a_number_of_speakers_replaces_bounds_and_null_takes_back() -> None:
    assert asked_for([{"min_speakers": 2}, {"num_speakers": 3}], KNOWN).min_speakers is None
    assert asked_for([{"num_speakers": 3}, {"max_speakers": 4}], KNOWN).num_speakers is None
    assert asked_for([{"language": "de"}, {"language": None}], KNOWN).language is None
    assert asked_for([of_names({"polyvox-num-speakers": "2"})], KNOWN).num_speakers == 2


def test_a_sidecar_of_another_program_may_have_our_options_inside() -> None:
    assert of_sidecar(b'{"agent": 7, "polyvox": {"language": "de"}}') == {"language": "de"}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "not valid JSON"),
        (b"\xff", "not valid JSON"),
        (b"[1]", "must be a JSON object"),
        (b'{"polyvox": 3}', "must be a JSON object"),
        (b" " * 70_000, "more than 65536 bytes"),
        (b'{"speed": 2}', "no option 'speed'"),
        (b'{"language": 5}', "language"),
        (b'{"num_speakers": 0}', "num_speakers"),
        (b'{"metadata": ["a"]}', "metadata must be an object"),
        (b'{"model": "gigantic"}', "'gigantic' is not known"),
    ],
)
def test_a_sidecar_that_cannot_be_followed_says_why(body: bytes, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        asked_for([of_sidecar(body)], KNOWN)
