"""The engine openai when its endpoint is busy, broken, slow or of another opinion."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime

import pytest

from polyvox import metrics
from polyvox.errors import Fatal, Invalid, Limited, Transient, Unavailable
from polyvox.settings.remote import RemoteModel
from tests.support.openai_endpoint import KEY, cut_off, refusing, saying, silence
from tests.support.polling import until
from tests.support.recorded_metrics import RecordedMetrics
from tests.support.remote_engine import remote, talk
from tests.support.turned_clock import TurnedClock
from transcriber.engines.base import TranscribeOptions
from transcriber.engines.openai.asking import Asking, Endpoint
from transcriber.engines.openai.models import abilities
from transcriber.engines.openai.refusals import retry_after_s

SHORT = "gpt-4o-transcribe"
"""Takes one request for every few seconds of a part."""


async def test_all_requests_wait_as_long_as_one_of_them_is_told_to() -> None:
    clock = TurnedClock()
    async with remote(clock=clock, parallel=2) as found:
        found.there.faults = [refusing(429, "Slow down.", retry_after="7")] * 2
        working = asyncio.ensure_future(found.transcribe(model=SHORT))
        await until(lambda: clock.sleeping == [7.0, 7.0])
        clock.turn(6.9)
        await asyncio.sleep(0.05)
        assert found.there.got == [] and found.there.open == 0
        clock.turn(0.2)
        result = await working
    assert len(result.words) == len(talk().words)
    assert found.counters.count(metrics.REMOTE_REQUESTS, model="other", outcome="limited") == 2


async def test_a_wait_too_long_for_a_part_in_hand_is_left_to_who_asked() -> None:
    async with remote() as found:
        found.there.faults = [refusing(429, "Tomorrow.", retry_after="3600")]
        with pytest.raises(Limited, match="Tomorrow") as raised:
            await found.transcribe()
        assert raised.value.retry_after_s == pytest.approx(3600, abs=5)
        with pytest.raises(Limited, match="Tomorrow"):
            await found.transcribe()
    assert found.there.got == []


async def test_an_account_that_is_used_up_is_asked_again_after_a_long_while() -> None:
    async with remote() as found:
        found.there.faults = [refusing(429, "You exceeded your current quota.", code="insufficient_quota")]
        with pytest.raises(Limited, match="quota") as raised:
            await found.transcribe()
    assert raised.value.retry_after_s == pytest.approx(600, abs=5)


@pytest.mark.parametrize("fault", [refusing(500), refusing(502), refusing(503), refusing(408), cut_off, saying("{")])
async def test_trouble_that_passes_costs_another_attempt(fault: object) -> None:
    async with remote() as found:
        found.there.faults = [fault, fault]  # type: ignore[list-item]
        result = await found.transcribe()
    assert len(result.words) == len(talk().words)
    assert len(found.there.got) == 1


async def test_an_answer_that_does_not_come_is_not_waited_for_for_ever() -> None:
    async with remote(timeout_s=0.3) as found:
        found.there.faults = [silence]
        result = await found.transcribe()
    assert len(result.words) == len(talk().words)


async def test_what_was_answered_before_a_part_failed_is_not_paid_for_again() -> None:
    async with remote(attempts=2, parallel=1) as found:
        found.there.fault_of = lambda _got: refusing(500) if len(found.there.got) == 2 else None
        with pytest.raises(Transient, match="500"):
            await found.transcribe(model=SHORT)
        found.there.fault_of = lambda _got: None
        result = await found.transcribe(model=SHORT)
        sent = [got.pieces[0] for got in found.there.got]
        assert len(result.words) == len(talk().words)
        assert len(sent) == len(set(sent)) > 2
        # Once it is through, the same part is a new one.
        await found.transcribe(model=SHORT)
    assert len(found.there.got) == 2 * len(sent)


async def test_what_is_no_transcript_is_told_without_what_it_holds() -> None:
    async with remote(attempts=1) as found:
        found.there.faults = [saying('{"words": "the secret plan"}')]
        with pytest.raises(Transient, match="no transcript") as raised:
            await found.transcribe()
    assert "secret" not in str(raised.value)


async def test_a_wrong_key_stops_the_worker_and_is_not_told() -> None:
    async with remote(key="sk-wrong-987") as found:
        with pytest.raises(Fatal, match="POLYVOX_OPENAI_API_KEY") as raised:
            await found.transcribe()
    assert "Incorrect API key" in str(raised.value)
    assert "sk-wrong-987" not in str(raised.value)
    assert KEY not in str(raised.value)


@pytest.mark.parametrize(
    ("fault", "setting"),
    [
        (refusing(404, "No such model.", code="model_not_found"), "POLYVOX_OPENAI_MODEL"),
        (refusing(403, "Country not supported."), "POLYVOX_OPENAI_BASE_URL"),
        (refusing(400, "verbose_json is not supported.", param="response_format"), "POLYVOX_OPENAI_MODELS"),
        (refusing(413, "Too large."), "POLYVOX_OPENAI_MAX_BYTES"),
    ],
)
async def test_what_settings_are_to_blame_for_stops_the_worker_and_names_them(fault: object, setting: str) -> None:
    async with remote() as found:
        found.there.faults = [fault]  # type: ignore[list-item]
        with pytest.raises(Fatal, match=setting):
            await found.transcribe()


@pytest.mark.parametrize(
    ("options", "fault", "code"),
    [
        ({"model": "whisper-9"}, refusing(404, "No such model.", code="model_not_found"), "unknown-model"),
        ({"language": "xx"}, refusing(400, "Invalid language 'xx'.", param="language"), "refused"),
        ({}, refusing(400, "The audio could not be decoded."), "refused"),
        ({}, refusing(422), "refused"),
    ],
)
async def test_what_a_request_is_to_blame_for_is_not_tried_again(
    options: dict[str, str], fault: object, code: str
) -> None:
    async with remote() as found:
        found.there.faults = [fault]  # type: ignore[list-item]
        with pytest.raises(Invalid) as raised:
            await found.transcribe(**options)
    assert raised.value.code == code
    assert found.there.got == []


async def test_a_model_that_gives_no_times_although_it_should_is_told_with_the_setting() -> None:
    async with remote(models={"ours": RemoteModel(times="words")}) as found:
        found.there.faults = [saying('{"text": "So it is."}')] * 2
        with pytest.raises(Transient, match='"times": "none"'):
            await found.transcribe(model="ours")


async def test_an_endpoint_that_is_not_there_is_no_recordings_fault() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
    asking = Asking(Endpoint(url, KEY, "whisper-1", attempts=1), TurnedClock(), RecordedMetrics(), chance=lambda: 0.0)
    with pytest.raises(Unavailable, match="does not answer"):
        await asking.ask(b"fLaC", TranscribeOptions(model="whisper-1"), abilities("whisper-1"))
    await asking.close()


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after": "Thu, 01 Jan 2026 00:00:30 GMT"}, 30.0),
        ({"retry-after": "Wed, 31 Dec 2025 23:59:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "-5"}, 0.0),
    ],
)
def test_what_a_response_asks_to_wait(headers: dict[str, str], wait_s: float | None) -> None:
    assert retry_after_s(headers, datetime(2026, 1, 1, tzinfo=UTC)) == wait_s
