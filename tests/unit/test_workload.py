"""What `polyvox top` makes of metrics."""

from __future__ import annotations

import pytest

from polyvox.cli.exposition import Values, read
from polyvox.cli.workload import workload


def text(
    *, waits: float, bulk: float, audio: float, busy: float, completed: int, given_up: int = 0, in_flight: int = 1
) -> str:
    return f"""\
# HELP polyvox_backlog_audio_seconds Audio that waits.
# TYPE polyvox_backlog_audio_seconds gauge
polyvox_backlog_audio_seconds{{stage="transcribe",lane="interactive",tenant_class="standard"}} {waits}
polyvox_backlog_audio_seconds{{stage="transcribe",lane="bulk",tenant_class="standard"}} {bulk}
polyvox_engine_audio_seconds_total{{stage="transcribe",engine="ctranslate2",model="base"}} {audio}
polyvox_engine_busy_seconds_total{{stage="transcribe",engine="ctranslate2",model="base"}} {busy}
polyvox_messages_in_flight{{worker="transcriber"}} {in_flight}
polyvox_messages_dead_lettered_total{{worker="transcriber",code="no-audio"}} {given_up}
polyvox_recordings_ended_total{{outcome="completed",lane="bulk",tenant_class="standard"}} {completed}
"""


def test_rates_are_between_looks_and_the_rest_is_as_it_is_now() -> None:
    seen = [
        Values.of(100.0, [text(waits=50, bulk=250, audio=1000, busy=100, completed=10)]),
        Values.of(110.0, [text(waits=40, bulk=160, audio=1100, busy=108, completed=15, given_up=2)]),
    ]
    found = workload(seen)
    stage = next(stage for stage in found.stages if stage.name == "transcribe")
    assert (stage.interactive_s, stage.bulk_s, stage.waits_s) == (40.0, 160.0, 200.0)
    assert stage.pace == pytest.approx(10.0)
    assert stage.rtfx == pytest.approx(100 / 8)
    assert stage.eta_s == pytest.approx(20.0)
    assert (stage.in_flight, stage.given_up) == (1, 2)
    assert (found.completed, found.completed_per_min) == (15, pytest.approx(30.0))
    assert found.eta_s == pytest.approx(20.0)
    assert found.waits_s == 200.0


def test_services_by_themselves_add_up() -> None:
    one = text(waits=10, bulk=0, audio=100, busy=50, completed=1)
    other = text(waits=0, bulk=0, audio=300, busy=50, completed=0, in_flight=3)
    (stage,) = [stage for stage in workload([Values.of(0.0, [one, other])]).stages if stage.name == "transcribe"]
    # One look: no pace yet, but how fast engines were is known.
    assert (stage.waits_s, stage.pace, stage.rtfx, stage.in_flight) == (10.0, None, 4.0, 4)


def test_what_stands_still_has_no_eta_and_what_is_done_has_none_left() -> None:
    still = Values.of(0.0, [text(waits=10, bulk=0, audio=100, busy=50, completed=1, in_flight=0)])
    later = Values.of(10.0, [text(waits=10, bulk=0, audio=100, busy=50, completed=1, in_flight=0)])
    assert workload([still, later]).eta_s is None
    begun = Values.of(10.0, [text(waits=10, bulk=0, audio=100, busy=50, completed=1, in_flight=1)])
    # Nothing ended yet, but the engine at work is known to be twice as fast as speech.
    assert workload([still, begun]).eta_s == 5.0
    empty = Values.of(20.0, [text(waits=0, bulk=0, audio=200, busy=60, completed=2)])
    assert workload([still, empty]).eta_s == 0.0


def test_a_process_that_was_started_again_does_not_count_backwards() -> None:
    before = Values.of(0.0, [text(waits=10, bulk=0, audio=1000, busy=50, completed=9)])
    after = Values.of(10.0, [text(waits=10, bulk=0, audio=5, busy=1, completed=0)])
    found = workload([before, after])
    assert found.completed_per_min == 0.0
    assert all((stage.pace or 0.0) >= 0 for stage in found.stages)


def test_any_label_value_is_read() -> None:
    (sample,) = read('x{a="quote \\" brace } comma , back \\\\ line \\n",b=""} 1.5e3 1700000000\n# x 2\nnonsense\n')
    assert sample.labels == {"a": 'quote " brace } comma , back \\ line \n', "b": ""}
    assert sample.value == 1500.0
