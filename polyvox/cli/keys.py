"""`polyvox keys new|create|list|revoke`: who may use a server. Works on the store, whether a server runs or not."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import click

from polyvox.access.key import ApiKey
from polyvox.access.keyring import Keyring, Wish
from polyvox.access.scopes import SCOPES, Scope
from polyvox.access.secret import new_key, presented
from polyvox.cli.configuration import settings
from polyvox.cli.credentials import VARIABLE
from polyvox.cli.tables import print_table
from polyvox.clock import SystemClock
from polyvox.errors import AlreadyExists, Invalid
from polyvox.settings import Settings
from polyvox.tenants import TENANT_CHARS, is_name

_DATA = click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path), help="Folder of the data. [polyvox-data]"
)


@click.group()
def command() -> None:
    """Keys: who may use a server, for which tenant, and for what. See docs/security.md.

    They lie where the objects do: in the data folder, or in the bucket of POLYVOX_S3_BUCKET.
    """


@command.command()
def new() -> None:
    """Write a fresh key that no server knows, to be put among secrets and made known with `create --given`."""
    click.echo(new_key())


@command.command()
@click.argument("name")
@click.option("--tenant", help="Whose recordings it is for.")
@click.option("--all-tenants", is_flag=True, help="It is for everybody's recordings.")
@click.option("--scope", "scopes", type=click.Choice(SCOPES), multiple=True, required=True, help="May be given again.")
@click.option("--days", type=click.IntRange(1), help="It is good for so many days; for ever without this.")
@click.option("--requests-per-minute", type=click.IntRange(1), help="At most so many, whatever settings say.")
@click.option("--given", is_flag=True, help=f"Take the key from {VARIABLE}. One that is there already stays as it is.")
@_DATA
def create(
    name: str,
    tenant: str | None,
    all_tenants: bool,
    scopes: tuple[Scope, ...],
    days: int | None,
    requests_per_minute: int | None,
    given: bool,
    data: Path | None,
) -> None:
    """Make a key, called NAME in lists, and write it out: this once, for it is not kept.

    A server that runs knows it at once. admin holds the other scopes.
    """
    if (tenant is None) is not all_tenants:
        raise Invalid("say whose recordings the key is for: either --tenant NAME or --all-tenants")
    if tenant is not None and not is_name(tenant):
        raise Invalid(f"a tenant has 1 to {TENANT_CHARS} printable ASCII characters")
    expires_at = None if days is None else SystemClock().now() + timedelta(days=days)
    wish = Wish(name, tenant, frozenset(scopes), requests_per_minute, expires_at)
    asyncio.run(_create(settings(data_dir=data), wish, _given() if given else None))


@command.command("list")
@click.option("--tenant", help="Only this tenant's.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@_DATA
def list_(tenant: str | None, as_json: bool, data: Path | None) -> None:
    """Show all keys, oldest first, also those that are not good any more. No key can be made out from this."""
    asyncio.run(_list(settings(data_dir=data), tenant, as_json=as_json))


@command.command()
@click.argument("key_ids", metavar="KEY_ID…", nargs=-1, required=True)
@_DATA
def revoke(key_ids: tuple[str, ...], data: Path | None) -> None:
    """Refuse these keys from now on; servers that run do so within seconds.

    KEY_ID is the middle of a key, between the underscores, as `list` shows it.
    """
    asyncio.run(_revoke(settings(data_dir=data), key_ids))


def _given() -> str:
    text = os.environ.get(VARIABLE, "")
    if not text:
        raise Invalid(f"there is no key in {VARIABLE}; `polyvox keys new` writes one")
    return text


async def _create(found: Settings, wish: Wish, text: str | None) -> None:
    async with _keyring(found) as keyring:
        try:
            key, made = await keyring.add(wish, text)
        except AlreadyExists:
            # Of a key that was made here by chance, 64 bits of chance would have to come twice.
            shown = presented((text or "").encode())
            there = await keyring.get(shown.key_id) if shown else None
            if shown is None or there is None or not there.matches(shown.sha256):
                raise Invalid("there is another key of that id; make a new one with `polyvox keys new`") from None
            click.echo(f"{there.key_id}: is there", err=True)
            return
    click.echo(f"{key.key_id}: {_whose(key)}, {_scopes(key)}", err=True)
    if text is None:
        click.echo(made)
        click.echo("Keep it: it is not shown again.", err=True)


async def _list(found: Settings, tenant: str | None, *, as_json: bool) -> None:
    async with _keyring(found) as keyring:
        shown = [key for key in await keyring.all() if tenant is None or key.tenant == tenant]
    if as_json:
        for key in shown:
            click.echo(json.dumps(key.model_dump(mode="json", exclude={"sha256"})))
        return
    now = SystemClock().now()
    print_table(["key", "name", "tenant", "scopes", "made", "state"], [_row(key, key.is_good(now)) for key in shown])


async def _revoke(found: Settings, key_ids: tuple[str, ...]) -> None:
    async with _keyring(found) as keyring:
        for key_id in key_ids:
            key = await keyring.revoke(key_id.removeprefix("pvx_")[:16])
            click.echo(f"{key.key_id}: revoked at {key.revoked_at:%Y-%m-%d %H:%M:%S}")


@asynccontextmanager
async def _keyring(found: Settings) -> AsyncIterator[Keyring]:
    # Its adapters are loaded when they are needed, as with every command.
    from polyvox import bootstrap

    store = bootstrap.open_store(found)
    try:
        yield Keyring(store, SystemClock())
    finally:
        await store.close()


def _row(key: ApiKey, is_good: bool) -> list[str]:
    made = f"{key.created_at:%Y-%m-%d %H:%M}"
    return [key.key_id, key.name, _whose(key), _scopes(key), made, _state(key, is_good)]


def _whose(key: ApiKey) -> str:
    return "all tenants" if key.tenant is None else key.tenant


def _scopes(key: ApiKey) -> str:
    return ", ".join(scope for scope in SCOPES if scope in key.scopes)


def _state(key: ApiKey, is_good: bool) -> str:
    if key.revoked_at is not None:
        return "revoked"
    if not is_good:
        return "expired"
    return f"good until {key.expires_at:%Y-%m-%d}" if key.expires_at else "good"
