"""Every fault there is, in the order in which they are put in."""

from __future__ import annotations

from tests.chaos.faults.events import copies, storm
from tests.chaos.faults.fault import (
    Fault,
    all_killed,
    killed,
    on_the_way_to,
    reset,
    silent,
    slow,
    stalled,
    thin,
)
from tests.chaos.faults.servers import (
    brokers_killed,
    controller_killed,
    database_killed,
    full_disk,
    leader_killed,
    store_killed,
)

PROCESSES = ("front", "projection", "normaliser", "transcriber", "diarizer", "watcher")
WAYS = {"broker": "the brokers", "store": "the object store", "database": "the database"}
TROUBLES = {
    "slow": (slow, "answers come 500 ms late"),
    "reset": (reset, "connections are reset after half a second"),
    "silent": (silent, "nothing comes through, and no connection ends"),
    "thin": (thin, "64 kB a second each way"),
}
DISKS = {
    "data": "the disk of the data folder (scratch, metrics)",
    "store": "the object store's disk",
    "database": "the database's disk",
    "broker": "the disk of one broker of three",
}

ALL: tuple[Fault, ...] = (
    *(Fault(f"kill-{name}", f"kill -9 of the {name}", killed(name)) for name in PROCESSES),
    Fault("kill-all", "kill -9 of all six at once", all_killed),
    Fault(
        "kill-leader", "kill -9 of a broker of three that leads partitions; it stays away for a while", leader_killed
    ),
    Fault("kill-controller", "kill -9 of the broker whose controller is the active one", controller_killed),
    Fault("kill-brokers", "kill -9 of all three brokers; they come back after a while", brokers_killed),
    Fault("kill-store", "kill -9 of the object store; it comes back after a while", store_killed),
    Fault("kill-database", "kill -9 of PostgreSQL; it comes back after a while", database_killed),
    *(
        Fault(f"{name}-{server}", f"on the way to {where}: {meaning}", on_the_way_to(server, apply))
        for server, where in WAYS.items()
        for name, (apply, meaning) in TROUBLES.items()
    ),
    *(
        Fault(f"stall-{name}", f"the event loop of the {name} stands still (SIGSTOP) past its session", stalled(name))
        for name in PROCESSES
    ),
    Fault("storm", "workers of each kind join, leave and are killed all the time", storm),
    Fault("copies", "the newest 150 events come again, in another order, and 75 of them once more", copies),
    *(Fault(f"full-{name}", f"{where} is full", full_disk(name), disk=name) for name, where in DISKS.items()),
)
BY_NAME = {fault.name: fault for fault in ALL}
