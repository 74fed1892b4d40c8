"""`polyvox plan`: what it takes to transcribe so many hours a day."""

from __future__ import annotations

from typing import Any

import click

from polyvox.planning.figures import CPU, figures
from polyvox.planning.plan import PRICES, Wanted, lines, plan


class _Prices(click.ParamType[tuple[dict[str, float], str]]):
    """``core-hour=0.04,gb-month=0.023,currency=EUR``."""

    name = "prices"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        prices: dict[str, float] = {}
        currency = ""
        for pair in str(value).split(","):
            name, separator, amount = (part.strip() for part in pair.partition("="))
            if not separator or name not in (*PRICES, "currency"):
                self.fail(f"{pair!r} is no price: use {'=…, '.join(PRICES)}=…, currency=…, with commas between")
            if name == "currency":
                currency = amount
                continue
            try:
                prices[name] = float(amount)
            except ValueError:
                self.fail(f"{amount!r} is no amount of money")
            if not 0 <= prices[name] < float("inf"):
                self.fail(f"{amount!r} is no price")
        return prices, currency


@click.command()
@click.option("--hours-per-day", required=True, type=click.FloatRange(min=0, min_open=True), help="Of audio.")
@click.option("--model", default="base", show_default=True, help="Model of the transcriber.")
@click.option("--device", default=CPU, show_default=True, help="Where the models run, as figures name it: cpu, h200.")
@click.option("--no-diarize", is_flag=True, help="Words only, no speakers.")
@click.option(
    "--peak", default=1.5, show_default=True, type=click.FloatRange(min=1), help="Busy hours, as times the mean."
)
@click.option(
    "--busy",
    default=0.8,
    show_default=True,
    type=click.FloatRange(min=0.05, max=1),
    help="Share of a worker's time that may be used in busy hours; the more, the longer work waits.",
)
@click.option(
    "--mean-s", default=329.0, show_default=True, type=click.FloatRange(min=0.1), help="Mean length of a recording."
)
@click.option(
    "--keep-days",
    default=30.0,
    show_default=True,
    type=click.FloatRange(min=0),
    help="How long originals and their audio are kept.",
)
@click.option("--prices", type=_Prices(), help="For example core-hour=0.04,gpu-hour=2.5,gb-month=0.023,currency=EUR.")
def command(
    hours_per_day: float,
    model: str,
    device: str,
    no_diarize: bool,
    peak: float,
    busy: float,
    mean_s: float,
    keep_days: float,
    prices: tuple[dict[str, float], str] | None,
) -> None:
    """Say how many workers, partitions and gigabytes it takes to transcribe so many hours of audio a day.

    It calculates with what was measured (docs/benchmarks.md), and shows how. What was never measured it refuses.
    """
    wanted = Wanted(hours_per_day, model, device, not no_diarize, peak, busy, mean_s, keep_days)
    known = figures()
    for line in lines(plan(wanted, known), known.bytes, *(prices or ({}, ""))):
        click.echo(line)
