"""`polyvox audit`: who uploaded, read, changed and deleted what, from the log itself."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import click

from polyvox.audit.trail import Asked, page
from polyvox.cli.configuration import existing_data
from polyvox.cli.moments import MOMENT
from polyvox.cli.tables import print_table
from polyvox.contracts.audited import Audited, AuditedAction, AuditedOutcome
from polyvox.settings import Settings

PAGE = 500
BACK = timedelta(days=1)


@click.command()
@click.option("--since", type=MOMENT, help="From then on: 2026-03-01, 2h, 3d. [a day ago]")
@click.option("--until", type=MOMENT, help="Before then.")
@click.option("--tenant", help="What this tenant's keys did.")
@click.option("--key", "key_id", help="What was done with this key.")
@click.option("--media", "media_id", help="What was done with this recording.")
@click.option("--action", type=click.Choice(get_args(AuditedAction)))
@click.option("--outcome", type=click.Choice(get_args(AuditedOutcome)))
@click.option("--limit", type=click.IntRange(1), default=1000, show_default=True, help="At most so many, the oldest.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line.")
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Folder of the data. [polyvox-data]")
def command(
    since: datetime | None,
    until: datetime | None,
    tenant: str | None,
    key_id: str | None,
    media_id: str | None,
    action: AuditedAction | None,
    outcome: AuditedOutcome | None,
    limit: int,
    as_json: bool,
    data: Path | None,
) -> None:
    """Show who uploaded, read, changed and deleted what, oldest first; see docs/security.md.

    Reads of one kind by one key within a second are one line with a count.
    """
    asked = Asked(since or datetime.now(UTC) - BACK, until, tenant, key_id, media_id, action, outcome)
    entries = asyncio.run(_entries(existing_data(data_dir=data), asked, limit))
    if as_json:
        for entry in entries:
            click.echo(entry.model_dump_json())
        return
    print_table(
        ["time", "action", "outcome", "recording", "tenant", "key", "address", "request"],
        [_row(entry) for entry in entries],
    )


async def _entries(found: Settings, asked: Asked, limit: int) -> list[Audited]:
    from polyvox import bootstrap
    from polyvox.clock import SystemClock

    log = bootstrap.open_log(found, SystemClock(), member="audit")
    entries: list[Audited] = []
    cursor: str | None = None
    try:
        while len(entries) < limit:
            found_page = await page(log, asked, limit=min(PAGE, limit - len(entries)), cursor=cursor)
            entries += found_page.entries
            cursor = found_page.next_cursor
            if cursor is None:
                break
    finally:
        await log.close()
    return entries


def _row(entry: Audited) -> list[str]:
    times = f" ×{entry.count}" if entry.count > 1 else ""
    return [
        f"{entry.at:%Y-%m-%d %H:%M:%S}",
        entry.action,
        f"{entry.outcome} ({entry.status}){times}",
        entry.media_id or "",
        entry.tenant or "",
        entry.key_id or "",
        entry.address,
        f"{entry.method} {entry.route}",
    ]
