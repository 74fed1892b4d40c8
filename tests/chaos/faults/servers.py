"""Faults of the servers themselves: killed, or with a full disk."""

from __future__ import annotations

import asyncio
import re
import subprocess
import time
from collections.abc import Callable

from aiokafka.admin import AIOKafkaAdminClient

from infra.native import StartError
from infra.native.kafka_node import java
from polyvox.contracts import PartReady
from tests.chaos.faults.fault import Inject, Scene
from tests.chaos.faults.world import World

DOWN_SHARE = 0.25
"""Of the time that other faults last."""
START_S = 400.0


async def store_killed(scene: Scene) -> None:
    store = scene.world.store
    await asyncio.to_thread(store.kill)
    await asyncio.sleep(scene.world.pace.hold_s * DOWN_SHARE)
    await back(store.start)


async def database_killed(scene: Scene) -> None:
    database = scene.world.database
    await asyncio.to_thread(database.kill)
    await asyncio.sleep(scene.world.pace.hold_s * DOWN_SHARE)
    await back(database.start)


async def leader_killed(scene: Scene) -> None:
    """The broker that leads a partition on which work is waiting."""
    await _broker_killed(scene, await leader(scene.world))


async def controller_killed(scene: Scene) -> None:
    await _broker_killed(scene, await controller(scene.world))


async def brokers_killed(scene: Scene) -> None:
    kafka = scene.world.kafka
    await asyncio.to_thread(kafka.kill)
    await asyncio.sleep(scene.world.pace.hold_s * DOWN_SHARE)
    await back(kafka.start)


def full_disk(name: str) -> Inject:
    """Nothing can be written for a while, and whoever ended because of that is started again."""

    async def inject(scene: Scene) -> None:
        world, disk = scene.world, scene.world.disks[name]
        await asyncio.to_thread(disk.fill)
        await asyncio.sleep(world.pace.hold_s)
        await asyncio.to_thread(disk.empty)
        for server in (world.store, world.database, world.kafka):
            if not server.running:
                await back(server.start)

    return inject


async def back(start: Callable[[], object]) -> None:
    """A server is started again, and once more if that takes too long on a busy machine."""
    give_up_s = time.monotonic() + START_S
    while True:
        try:
            await asyncio.to_thread(start)
            return
        except StartError:
            if time.monotonic() > give_up_s:
                raise


async def leader(world: World) -> int:
    """Index of the node that leads the first partition of part-ready."""
    name = f"{world.settings.kafka_prefix}{PartReady.TOPIC}"
    admin = await _admin(world)
    try:
        [topic] = await admin.describe_topics([name])
        [first] = [partition for partition in topic["partitions"] if partition["partition"] == 0]
        return int(first["leader"]) - 1
    finally:
        await admin.close()


async def controller(world: World) -> int:
    """Index of the node whose controller is the active one: it leads the metadata."""
    tool = ["org.apache.kafka.tools.MetadataQuorumCommand", "--bootstrap-server", world.kafka.bootstrap]
    done = await asyncio.to_thread(
        subprocess.run, [*java("-Xmx128m"), *tool, "describe", "--status"], check=True, capture_output=True, text=True
    )
    [number] = re.findall(r"^LeaderId:\s*(\d+)", done.stdout, re.MULTILINE)
    return int(number) - 1


async def _admin(world: World) -> AIOKafkaAdminClient:
    admin = AIOKafkaAdminClient(bootstrap_servers=world.kafka.bootstrap)
    await admin.start()
    return admin


async def _broker_killed(scene: Scene, index: int) -> None:
    kafka = scene.world.kafka
    await asyncio.to_thread(kafka.kill_node, index)
    await asyncio.sleep(scene.world.pace.hold_s)
    await back(lambda: kafka.start_node(index))
