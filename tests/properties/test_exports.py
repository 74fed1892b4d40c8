"""Tables, pages and annotations: read back with somebody else's readers, they hold all that was said."""

from __future__ import annotations

import csv
import io
import re
import warnings
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

from hypothesis import given, settings
from pympi import Eaf, TextGrid

from polyvox.contracts import Transcript
from results_api.formats.markdown import markdown
from results_api.formats.negotiation import RENDERERS
from results_api.formats.style import USUAL, Style
from results_api.formats.tables import comma_separated, tab_separated
from results_api.formats.tiers import elan, textgrid
from results_api.merge.merge import merge
from results_api.merge.merge_input import MergeInput
from results_api.merge.speakers import labels
from tests.properties.test_subtitles import squeezed, transcript
from tests.support.recordings import merge_inputs


def spoken(merged: Transcript) -> list[tuple[str, str]]:
    """(speaker, text) of each segment."""
    names = labels(merged)
    return [(names.get(one.speaker, one.speaker) if one.speaker else "", one.text) for one in merged.segments]


@given(merge_inputs())
@settings(max_examples=40, deadline=None)
def test_tables_have_a_row_for_each_segment(media: MergeInput) -> None:
    merged = merge(media)
    head, *rows = csv.reader(io.StringIO(comma_separated(merged), newline=""))
    assert head == ["start", "end", "speaker", "text"]
    assert [(speaker, text) for _, _, speaker, text in rows] == spoken(merged)
    assert [(float(row[0]), float(row[1])) for row in rows] == [(one.start, one.end) for one in merged.segments]
    lines = [line.split("\t") for line in tab_separated(merged).splitlines()[1:]]
    assert [(int(line[0]), int(line[1])) for line in lines] == [
        (round(one.start * 1000), round(one.end * 1000)) for one in merged.segments
    ]
    assert [squeezed(line[3]) for line in lines] == [squeezed(text) for _, text in spoken(merged)]


@given(merge_inputs())
@settings(max_examples=40, deadline=None)
def test_annotations_have_a_tier_for_each_speaker(media: MergeInput) -> None:
    merged = merge(media)
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # pympi leaves the file to the collector
        grid_file, eaf_file = Path(folder) / "a.TextGrid", Path(folder) / "a.eaf"
        grid_file.write_text(textgrid(merged), encoding="utf-8")
        eaf_file.write_text(elan(merged), encoding="utf-8")
        grid = TextGrid(str(grid_file))
        document = Eaf(str(eaf_file), suppress_version_warning=True)
    speakers = dict.fromkeys(speaker or "Unknown" for speaker, _ in spoken(merged))
    assert [name for _, name in grid.get_tier_name_num()] == list(speakers)
    assert list(document.get_tier_names()) == list(speakers)
    for name in speakers:
        said = [squeezed(text) for speaker, text in spoken(merged) if (speaker or "Unknown") == name]
        intervals = [(start, end) for start, end, text in grid.get_tier(name).get_all_intervals() if text]
        assert [squeezed(text) for _, _, text in grid.get_tier(name).get_all_intervals() if text] == said
        assert all(before[1] <= after[0] for before, after in pairwise(intervals))
        annotated = sorted(document.get_annotation_data_for_tier(name))
        assert [squeezed(annotation[2]) for annotation in annotated] == said


@given(merge_inputs())
@settings(max_examples=40, deadline=None)
def test_markdown_holds_all_words(media: MergeInput) -> None:
    merged = merge(media)
    _, _, *blocks = markdown(merged).strip().split("\n\n")
    said = "".join(block.partition("\n")[2] for block in blocks)
    assert squeezed(re.sub(r"\\(.)", r"\1", said)) == squeezed(merged.text)


def test_nothing_said_means_nothing_to_markdown_or_xml() -> None:
    merged = transcript((0, 1, " # *Hi*"), (1, 2, " <b>"), (2, 3, " \x00]]>&"))
    assert "\\# \\*Hi\\* \\<b\\>" in markdown(merged)
    assert markdown(transcript((0, 1, " 1."), (1, 2, " x"), speaker=None)).endswith("**(00:00:00.0)**\n1\\. x\n")
    found = ElementTree.fromstring(elan(merged)).findtext(".//ANNOTATION_VALUE")
    assert found == "# *Hi* <b> ]]>&"


def test_every_form_is_made_of_nothing_and_without_names() -> None:
    said = transcript((0, 1, " Hello."))
    silent = said.model_copy(update={"segments": [], "text": "", "speakers": []})
    for form, render in RENDERERS.items():
        assert isinstance(render(silent, USUAL), str)
        named, bare = render(said, USUAL), render(said, Style(speakers=False))
        assert ("Speaker 1" in bare) == (form in ("json", "textgrid", "eaf"))
        assert ("Speaker 1" in named) == (form != "rttm")
