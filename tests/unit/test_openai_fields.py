"""What the fields of OpenAI's routes mean, and how its documents are written."""

from __future__ import annotations

from typing import Any

import pytest

from ingest.answering.openai.documents import letters
from ingest.answering.openai.fields import Task, read
from ingest.answering.openai.models import models
from ingest.upload.options import Known
from polyvox.contracts import Transcript, TranscriptSpeaker
from polyvox.http import Problem, openai_errors

KNOWN = Known(engines=("ctranslate2",), models=("base", "tiny.en"))


def options(*fields: tuple[str, str], task: Task = "transcribe") -> dict[str, Any]:
    return read(fields, task, KNOWN).wanted.options.model_dump(exclude_defaults=True)


def test_nothing_asked_for_is_the_usual() -> None:
    asked = read([], "transcribe", KNOWN)
    assert (asked.response_format, asked.stream, asked.granularities, asked.logprobs) == (
        "json",
        False,
        ("segment",),
        False,
    )
    assert options() == {"diarize": False}
    assert asked.wanted.lane == "interactive"


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ([("model", "whisper-1")], {"diarize": False}),
        ([("model", "tiny.en"), ("language", "")], {"diarize": False, "model": "tiny.en"}),
        ([("model", "gpt-4o-transcribe-diarize")], {}),
        ([("response_format", "diarized_json")], {}),
        ([("diarize", "true"), ("num_speakers", "3")], {"num_speakers": 3}),
        ([("language", "Haitian Creole")], {"diarize": False, "language": "ht"}),
        ([("languages[]", "de")], {"diarize": False, "language": "de"}),
        ([("languages[]", "de"), ("languages[]", "English")], {"diarize": False, "languages": ["de", "en"]}),
        ([("keep_suspects", "true")], {"diarize": False, "keep_suspects": True}),
        ([("keywords[]", "Kafka"), ("keywords[]", "Lag")], {"diarize": False, "prompt": "Kafka, Lag."}),
        ([("chunking_strategy[type]", "server_vad"), ("chunking_strategy", "auto")], {"diarize": False}),
        ([("temperature", "0.5"), ("stream", "True")], {"diarize": False, "temperature": 0.5}),
    ],
)
def test_fields_become_options(fields: list[tuple[str, str]], wanted: dict[str, Any]) -> None:
    assert options(*fields) == wanted


@pytest.mark.parametrize(
    ("fields", "task", "status", "option"),
    [
        ([("model", "gpt-9")], "transcribe", 404, "model"),
        ([("model", "tiny.en")], "translate", 400, "model"),
        ([("response_format", "diarized_json")], "translate", 400, "response_format"),
        ([("language", "en"), ("language", "de")], "transcribe", 400, "language"),
        ([("include[]", "thoughts")], "transcribe", 400, "include"),
        ([("stream", "perhaps")], "transcribe", 400, "stream"),
        ([("known_speaker_references[]", "data:audio/wav;base64,")], "transcribe", 400, "known_speaker_references"),
    ],
)
def test_what_cannot_be_done_is_blamed_on_its_field(
    fields: list[tuple[str, str]], task: Task, status: int, option: str
) -> None:
    with pytest.raises(Problem) as raised:
        read(fields, task, KNOWN)
    assert raised.value.status == status
    assert openai_errors.document(raised.value)["error"]["param"] == option


def test_the_default_model_is_listed_first() -> None:
    assert [model.id for model in models(KNOWN)][:3] == ["base", "tiny.en", "whisper-1"]


def test_speakers_are_lettered_unless_somebody_named_them() -> None:
    speakers = [TranscriptSpeaker(id=f"S{n}", label=f"Speaker {n}", speech=1.0) for n in range(1, 30)]
    speakers[1] = TranscriptSpeaker(id="S2", label="Ada", speech=1.0)
    transcript = Transcript(media_id="recording-1", status="completed", duration=1, text="", speakers=speakers)
    names = list(letters(transcript).values())
    assert names[:3] == ["A", "Ada", "C"]
    assert names[25:29] == ["Z", "AA", "AB", "AC"]


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (415, 400, "invalid_request_error"),
        (401, 401, "invalid_request_error"),
        (403, 403, "permission_error"),
        (429, 429, "rate_limit_error"),
        (503, 503, "server_error"),
    ],
)
def test_problems_have_openais_statuses_and_types(status: int, said: int, kind: str) -> None:
    problem = Problem(status, "some-code", "Title", "Detail.")
    answer = problem.response("/v1/audio/transcriptions")
    assert answer.status_code == said
    assert openai_errors.document(problem) == {
        "error": {"message": "Detail.", "type": kind, "param": None, "code": "some_code"}
    }
    assert problem.response("/v1/media").status_code == status
