"""Transcripts as files that people edit."""

from __future__ import annotations

import pytest

from polyvox.cli.editing import changes, editable, read
from polyvox.errors import Invalid
from tests.support.corrected import sentence, transcript

SAID = transcript(sentence("Eye scream | today.", 0.0), sentence("Yes.", 61.0, "S2"), sentence("No.", 62.0, "S2"))
FILE = editable(SAID, '"v1.0123456789ab.json"')


def test_a_file_that_nobody_edits_changes_nothing() -> None:
    assert read(FILE).segments == {0: "Eye scream | today.", 1: "Yes.", 2: "No."}
    assert (read(FILE).media_id, read(FILE).etag) == (SAID.media_id, '"v1.0123456789ab.json"')
    nothing = changes(read(FILE), read(FILE))
    assert (nothing.segments, nothing.speakers) == ({}, {})
    assert "# Speaker 2, 1:01.0\n1 | Yes.\n2 | No.\n" in FILE


def test_what_is_edited_is_what_changes() -> None:
    edited = FILE.replace("Eye scream | today.", " Ice cream. ").replace("2 | No.", "2 |").replace("1 | Yes.\n", "")
    edited = "\ufeff" + edited.replace("S2 = | Speaker 2", "S2 = | Ada").replace("\n", "\r\n")
    changed = changes(read(FILE), read(edited))
    assert (changed.segments, changed.speakers) == ({0: "Ice cream.", 2: ""}, {"S2": "Ada"})


@pytest.mark.parametrize("text", ["", "Some text\n", FILE + "3 Text without a bar\n"])
def test_another_file_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match=r"polyvox correct|cannot be read"):
        read(text)
