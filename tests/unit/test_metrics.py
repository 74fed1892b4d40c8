"""Metrics come out in Prometheus text, added up over the processes that share a folder."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from polyvox.adapters.prometheus import PrometheusMetrics, forget_process
from polyvox.metrics import CATALOGUE, HANDLER_DURATION, MESSAGES_HANDLED, MESSAGES_IN_FLIGHT

PROGRAM = """
import os
from polyvox.adapters.prometheus import PrometheusMetrics
from polyvox.metrics import MESSAGES_HANDLED, MESSAGES_IN_FLIGHT, HANDLER_DURATION, process_metrics, use
use(PrometheusMetrics())
metrics = process_metrics()
metrics.add(MESSAGES_HANDLED, worker="w")
metrics.set(MESSAGES_IN_FLIGHT, 2, worker="w")
metrics.observe(HANDLER_DURATION, 0.7, worker="w")
print(os.getpid())
print(metrics.render().decode())
"""


def run(folder: Path) -> tuple[int, str]:
    """A process that counts one message and renders."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={"PROMETHEUS_MULTIPROC_DIR": str(folder)},
        check=True,
        capture_output=True,
        text=True,
    )
    pid, _, text = done.stdout.partition("\n")
    return int(pid), text


def test_values_are_rendered_with_their_meaning() -> None:
    metrics = PrometheusMetrics()
    metrics.add(MESSAGES_HANDLED, worker="transcriber")
    metrics.add(MESSAGES_HANDLED, 2, worker="transcriber")
    metrics.set(MESSAGES_IN_FLIGHT, 3, worker="transcriber")
    metrics.observe(HANDLER_DURATION, 0.7, worker="transcriber")
    text = metrics.render().decode()
    assert f"# HELP {MESSAGES_HANDLED.name} {MESSAGES_HANDLED.meaning}" in text
    assert 'polyvox_messages_handled_total{worker="transcriber"} 3.0' in text
    assert 'polyvox_messages_in_flight{worker="transcriber"} 3.0' in text
    assert 'polyvox_handler_duration_seconds_bucket{le="0.5",worker="transcriber"} 0.0' in text
    assert 'polyvox_handler_duration_seconds_bucket{le="1.0",worker="transcriber"} 1.0' in text


def test_two_sinks_do_not_mix() -> None:
    one, two = PrometheusMetrics(), PrometheusMetrics()
    one.add(MESSAGES_HANDLED, worker="w")
    assert b'worker="w"' not in two.render()


def test_a_missing_label_is_an_error() -> None:
    with pytest.raises(ValueError, match="label"):
        PrometheusMetrics().add(MESSAGES_HANDLED, wrong="w")


def test_the_catalogue_is_named_as_prometheus_wants_it() -> None:
    assert len({metric.name for metric in CATALOGUE}) == len(CATALOGUE)
    for metric in CATALOGUE:
        assert re.fullmatch(r"polyvox_[a-z_]+", metric.name)
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        assert bool(metric.buckets) == (metric.kind == "histogram")
        assert metric.meaning.endswith(".")


def test_processes_that_share_a_folder_answer_for_each_other(tmp_path: Path) -> None:
    folder = tmp_path
    first_pid, _ = run(folder)
    _, text = run(folder)
    assert 'polyvox_messages_handled_total{worker="w"} 2.0' in text
    assert 'polyvox_messages_in_flight{worker="w"} 4.0' in text
    assert 'polyvox_handler_duration_seconds_count{worker="w"} 2.0' in text
    forget_process(first_pid, folder)
    _, text = run(folder)
    assert 'polyvox_messages_handled_total{worker="w"} 3.0' in text
    assert 'polyvox_messages_in_flight{worker="w"} 4.0' in text
