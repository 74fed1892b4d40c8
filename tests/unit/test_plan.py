"""`polyvox plan`: from hours a day to workers, partitions, gigabytes and money."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from polyvox.cli.plan import command
from polyvox.errors import Invalid
from polyvox.planning.figures import Bytes, Figures, Stage, figures, table
from polyvox.planning.plan import Wanted, lines, plan

DOCS = Path(__file__).resolve().parents[2] / "docs"


def stage(worker: str, rtfx: float, *, model: str = "m", device: str = "cpu", cores: int = 1) -> Stage:
    return Stage(
        worker=worker,
        engine="e",
        model=model,
        device=device,
        cores=cores,
        rtfx=rtfx,
        memory_mib=1000,
        measured="2026-11",
        machine="here",
        how="with a watch",
    )


KNOWN = Figures(
    bytes=Bytes(
        original_per_audio_s=10_000,
        flac_per_audio_s=10_000,
        json_per_audio_s=500,
        log_per_recording=5_000,
        log_per_audio_s=100,
        database_per_recording=4_000,
    ),
    stage=(
        stage("normaliser", 100.0),
        stage("transcriber", 5.0, model="base", cores=2),
        stage("transcriber", 100.0, model="base", device="h200"),
        stage("diarizer", 2.5, cores=2),
        stage("projection", 2000.0),
    ),
)


def test_the_arithmetic_is_that_of_a_pocket_calculator() -> None:
    # 240 h a day are 10 s of audio a second.
    made = plan(Wanted(240, "base", peak=1.0, busy=0.8, mean_s=360, keep_days=10), KNOWN)
    assert {crew.figure.worker: crew.workers for crew in made.crews} == {
        "normaliser": 1,
        "transcriber": 3,  # 10 / (5 x 0.8) = 2.5
        "diarizer": 5,  # 10 / (2.5 x 0.8) = 5
        "projection": 1,
    }
    assert made.cores == 1 + 6 + 10 + 1
    # Ten for five diarizers, of six there are: twice as many of all topics.
    assert (made.factor, made.partitions["part-ready"], made.partitions["media-ready"]) == (2, 24, 12)
    assert made.storage.media_gb_a_day == pytest.approx(864_000 * 20_000 / 1e9)
    assert made.storage.log_gb_a_day == pytest.approx((2400 * 5_000 + 864_000 * 100) / 1e9)
    said = "\n".join(lines(made, KNOWN.bytes, {"core-hour": 0.05, "gb-month": 0.02}, "EUR"))
    assert "10.00 / (5.0 x 0.8 busy) = 2.50 -> 3 workers of 2 cores: 6 cores" in said
    assert "18 cores x 730 h x 0.05 = 657.00 EUR" in said


def test_a_price_that_is_wanting_is_named() -> None:
    made = plan(Wanted(240, "base", device="h200", diarize=False), KNOWN)
    assert made.gpus == 1
    said = "\n".join(lines(made, KNOWN.bytes, {"core-hour": 0.05}))
    assert "not in it, for want of a price: gpu-hour, gb-month" in said


def test_what_was_never_measured_is_refused_with_what_was() -> None:
    with pytest.raises(Invalid, match=r"model large-v3 on cpu was never measured.*base on cpu, base on h200.*Measure"):
        plan(Wanted(1, "large-v3"), KNOWN)
    with pytest.raises(Invalid, match="the diarizer on h200 was never measured"):
        plan(Wanted(1, "base", device="h200"), KNOWN)


@given(st.floats(0.001, 1e6), st.floats(1, 10), st.floats(0.05, 1))
def test_the_workers_are_enough_and_not_one_too_many(hours: float, peak: float, busy: float) -> None:
    wanted = Wanted(hours, "base", peak=peak, busy=busy)
    for crew in plan(wanted, KNOWN).crews:
        able = crew.figure.rtfx * busy
        assert crew.workers * able >= wanted.load * (1 - 1e-6)
        assert crew.workers == 1 or (crew.workers - 1) * able < wanted.load


def test_the_command_plans_with_the_figures_that_the_docs_show() -> None:
    said = CliRunner().invoke(command, ["--hours-per-day", "100", "--prices", "core-hour=0.04,currency=EUR"])
    assert said.exit_code == 0, said.output
    assert "100 h of audio a day = 360,000 s" in said.output
    assert "EUR an hour" in said.output
    assert table(figures().stage) in (DOCS / "benchmarks.md").read_text()


def test_prices_that_are_none_are_explained() -> None:
    said = CliRunner().invoke(command, ["--hours-per-day", "1", "--prices", "gpus=3"])
    assert said.exit_code == 2
    assert "core-hour" in said.output
