"""`polyvox buckets create`: what the object store needs before the first start."""

from __future__ import annotations

import contextlib

import click

from polyvox.cli.configuration import settings
from polyvox.errors import Fatal, Invalid


@click.group()
def command() -> None:
    """Prepare the object store."""


@command.command()
@click.argument("watched", nargs=-1)
@click.option("--notify", metavar="ARN", help="Queue or MinIO target that is told of new objects in WATCHED.")
@click.option("--prefix", default="", help="Begins the keys of the objects that are told of. [any]")
def create(watched: tuple[str, ...], notify: str | None, prefix: str) -> None:
    """Make the bucket of POLYVOX_S3_BUCKET, and WATCHED ones for recordings to be dropped into.

    What is there stays as it is, so that this can be run before every start.
    """
    found = settings()
    if found.s3_bucket is None:
        raise Invalid("name the product's bucket in POLYVOX_S3_BUCKET; without it objects lie in a folder")
    try:
        from polyvox.adapters.s3 import of_settings
        from polyvox.adapters.s3.setup import BucketSetup
    except ImportError as error:
        raise Fatal(f"S3 needs more packages: pip install 'polyvox[s3]' ({error})") from error

    with contextlib.closing(BucketSetup(of_settings(found))) as store:
        for bucket in dict.fromkeys((found.s3_bucket, *watched)):
            click.echo(f"{bucket}: {'made' if store.create(bucket) else 'is there'}")
        for bucket in watched if notify else ():
            store.notify(bucket, notify or "", prefix=prefix)
            click.echo(f"{bucket}: new objects are told to {notify}")
