"""All ways in, and the sweep behind them."""

from __future__ import annotations

from fastapi import APIRouter

from ingest.answering import routes as answering
from ingest.bucket import webhook
from ingest.parts import api as parts_api
from ingest.parts import places
from ingest.parts.completing import Completion
from ingest.parts.leftovers import Leftovers
from ingest.parts.sessions import Sessions
from ingest.tus import api as tus_api
from ingest.upload import api as media_api
from ingest.upload.intake import Intake
from ingest.upload.sweep import Sweep
from polyvox.service import Runtime


def router(intake: Intake) -> APIRouter:
    routes = APIRouter()
    routes.include_router(media_api.router(intake))
    routes.include_router(answering.router(intake))
    routes.include_router(parts_api.router(intake))
    routes.include_router(places.router(intake))
    routes.include_router(tus_api.router(intake))
    routes.include_router(webhook.router(intake.runtime))
    return routes


def sweeper(runtime: Runtime) -> Sweep:
    publisher = Intake(runtime).publisher()
    leftovers = Leftovers(Completion(Sessions.of(runtime), publisher))
    return Sweep(runtime.store, publisher, runtime.clock, leftovers)


async def sweep(runtime: Runtime) -> None:
    """Sweeps until the runtime stops."""
    await sweeper(runtime).run(runtime.stopping)
