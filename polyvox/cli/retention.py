"""`polyvox retention`: what goes when because of its age, and what went."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click

from polyvox.cli.servers import connected, server_option
from polyvox.cli.tables import print_table

HEADS = ("TENANT", "WHAT", "KEPT FOR", "DUE NOW", "DUE SOON", "OLDEST GOES", "WENT")


@click.command()
@server_option
@click.option("--days", type=click.FloatRange(0), default=30.0, show_default=True, help="To look back and ahead.")
@click.option("--tenant", help="Of this tenant only.")
@click.option("--dry-run", is_flag=True, help="Name the recordings that go with the next sweep.")
@click.option("--audio-days", type=click.FloatRange(0), help="As if audio were kept so long; nothing goes by it.")
@click.option("--text-days", type=click.FloatRange(0), help="As if text were kept so long; nothing goes by it.")
@click.option("--json", "as_json", is_flag=True, help="As GET /v1/retention answers.")
def command(
    server: str,
    days: float,
    tenant: str | None,
    dry_run: bool,
    audio_days: float | None,
    text_days: float | None,
    as_json: bool,
) -> None:
    """Show, tenant by tenant, how long audio and text are kept, what is due to go and what went.

    The limits are settings of the server, see docs/retention.md. With --audio-days or --text-days it says what limits
    would remove before they are set. This command removes nothing.
    """
    given = {"days": days, "tenant": tenant, "audio_days": audio_days, "text_days": text_days}
    params: dict[str, str | float] = {name: value for name, value in given.items() if value is not None}
    if dry_run:
        params["first"] = 200
    with connected(server) as client:
        report = client.retention(**params)
    if as_json:
        click.echo(json.dumps(report))
        return
    fates = [(item["tenant"], what, item[what]) for item in report["items"] for what in ("audio", "text")]
    if not fates:
        click.echo("There are no finished recordings.", err=True)
        return
    if dry_run:
        _name(fates)
        return
    print_table(HEADS, [_row(*one) for one in fates])
    if not report["in_force"]:
        click.echo("These limits are not in force: nothing goes by them.", err=True)


def _name(fates: list[tuple[str, str, Mapping[str, Any]]]) -> None:
    for tenant, what, fate in fates:
        for one in fate["first"]:
            click.echo(f"{one['media_id']}\t{what}\t{tenant}\tdue {_day(one['due_at'])}")
        if fate["due"] > len(fate["first"]):
            click.echo(f"and {fate['due'] - len(fate['first'])} more of {tenant}: {what}", err=True)
    if not any(fate["due"] for _, _, fate in fates):
        click.echo("Nothing is due.", err=True)


def _row(tenant: str, what: str, fate: Mapping[str, Any]) -> tuple[str, ...]:
    if fate["days"] is None:
        return tenant, what, "ever", "", "", "", str(fate["removed"] or "")
    kept, goes = f"{fate['days']:g} days", _day(fate["next_at"])
    return tenant, what, kept, str(fate["due"]), str(fate["soon"]), goes, str(fate["removed"] or "")


def _day(moment: str | None) -> str:
    return (moment or "")[:10]
