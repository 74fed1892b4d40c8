"""`polyvox webhooks …`: who is told how recordings end, and what became of that."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from typing import Any

import click

from polyvox.cli.moments import MOMENT
from polyvox.cli.servers import connected, server_option
from polyvox.cli.tables import print_table

TYPES = ("media.completed", "media.failed", "media.deleted")
STATES = ("pending", "delivered", "failed")


@click.group()
def command() -> None:
    """Tell other programs how recordings end. See docs/webhooks.md."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line.")
@server_option
def list_(as_json: bool, server: str) -> None:
    """Show all webhooks, oldest first."""
    with connected(server) as client:
        found = client.webhooks.all()
    if as_json:
        for one in found:
            click.echo(json.dumps(one))
    elif found:
        print_table(("WEBHOOK", "URL", "TYPES", "TENANT", "DISABLED"), [_row(one) for one in found])
    else:
        click.echo("There are none.", err=True)


@command.command()
@click.argument("url")
@click.option("--type", "types", multiple=True, type=click.Choice(TYPES), help="May be given again. [all]")
@click.option("--tenant", help="Only of this tenant's recordings.")
@click.option("--description", default="", help="For people.")
@click.option("--json", "as_json", is_flag=True, help="The answer as JSON.")
@server_option
def add(url: str, types: tuple[str, ...], tenant: str | None, description: str, as_json: bool, server: str) -> None:
    """Have what happens from now on sent to URL.

    The secret that is printed verifies it. It is told this once and never again.
    """
    with connected(server) as client:
        made = client.webhooks.add(url, types=types, tenant=tenant, description=description)
    if as_json:
        click.echo(json.dumps(made))
        return
    click.echo(f"webhook {made['webhook_id']}")
    click.echo(f"secret  {made['secret']}")


@command.command()
@click.argument("webhook_id")
@server_option
def remove(webhook_id: str, server: str) -> None:
    """Send nothing there any more, and forget what was."""
    with connected(server) as client:
        client.webhooks.remove(webhook_id)
    click.echo(f"{webhook_id}\tremoved")


@command.command()
@click.argument("webhook_id")
@server_option
def enable(webhook_id: str, server: str) -> None:
    """Send there again, after its receiver answered 410."""
    with connected(server) as client:
        client.webhooks.enable(webhook_id)
    click.echo(f"{webhook_id}\tenabled")


@command.command()
@click.argument("webhook_id")
@click.option("--state", type=click.Choice(STATES), help="Only these.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many, the newest.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line, with all attempts.")
@server_option
def deliveries(webhook_id: str, state: str | None, limit: int, as_json: bool, server: str) -> None:
    """Show what was sent there or will be, newest first."""
    with connected(server) as client:
        found = list(islice(client.webhooks.deliveries(webhook_id, state=state), limit))
    if as_json:
        for one in found:
            click.echo(json.dumps(one))
    elif found:
        print_table(("EVENT", "TYPE", "MEDIA ID", "STATE", "ATTEMPTS", "LAST"), [_delivery(one) for one in found])
    else:
        click.echo("There are none.", err=True)


@command.command()
@click.argument("webhook_id")
@click.argument("event_id", required=False)
@click.option("--failed-since", type=MOMENT, help="All that failed since then: 2026-03-01, or 3d ago.")
@server_option
def redeliver(webhook_id: str, event_id: str | None, failed_since: datetime | None, server: str) -> None:
    """Send one event again, whatever became of it, or all that failed since a moment."""
    if (event_id is None) == (failed_since is None):
        raise click.UsageError("give either EVENT_ID or --failed-since")
    with connected(server) as client:
        if event_id is not None:
            client.webhooks.redeliver(webhook_id, event_id)
            click.echo("1 is sent again")
        elif failed_since is not None:
            click.echo(f"{client.webhooks.redeliver_failed(webhook_id, failed_since)} are sent again")


def _row(webhook: Mapping[str, Any]) -> tuple[str, ...]:
    types = "all" if set(webhook["types"]) == set(TYPES) else ", ".join(webhook["types"])
    disabled = str(webhook["disabled_at"] or "")[:16].replace("T", " ")
    return str(webhook["webhook_id"]), str(webhook["url"]), types, webhook["tenant"] or "", disabled


def _delivery(delivery: Mapping[str, Any]) -> tuple[str, ...]:
    attempts = delivery["attempts"]
    last = attempts[-1] if attempts else {}
    answer = last.get("status") or last.get("error") or ""
    state, event, media_id = str(delivery["state"]), str(delivery["event_id"]), str(delivery["media_id"])
    return event, str(delivery["type"]), media_id, state, str(len(attempts)), str(answer)
