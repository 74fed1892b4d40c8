"""What webhooks do beside the API's routes: follow the log, and send.

They are in the API's process because it is one that reaches the world: what decodes and merges
recordings has no way out (docker-compose.yml).
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from polyvox.service import Runtime
from polyvox.worker import worker_of
from results_api.database.database import Database
from results_api.webhooks.connecting import CheckedNetwork, resolver
from results_api.webhooks.deliveries import Deliveries
from results_api.webhooks.endpoints import Endpoints
from results_api.webhooks.following import CONCURRENCY, NAME, TOPICS, Follower
from results_api.webhooks.posting import Poster
from results_api.webhooks.sending import AT_ONCE, Sender


async def work(runtime: Runtime) -> None:
    """``Service.work``: until the runtime stops."""
    settings = runtime.settings
    database = Database(settings.database_url, connections=settings.database_connections)
    endpoints, deliveries = Endpoints(database), Deliveries(database)
    follower = Follower(database, endpoints, deliveries, runtime.clock)
    worker = worker_of(
        runtime,
        name=NAME,
        topics=TOPICS,
        handler=follower.handle,
        on_give_up=follower.give_up,
        concurrency=CONCURRENCY,
        share_by="messages",
    )
    threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook-names")
    poster = Poster(CheckedNetwork(resolver(threads), settings.webhooks_private))
    sender = Sender(endpoints, deliveries, poster, runtime.clock, nudge=follower.nudge)
    sending = asyncio.create_task(sender.run(runtime.stopping), name="webhooks")
    try:
        await worker.run(runtime.stopping)
    finally:
        if not runtime.stopping.is_set():
            sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        await poster.close()
        threads.shutdown(wait=False, cancel_futures=True)
        await database.close()
