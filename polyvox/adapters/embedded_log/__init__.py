"""The EventLog port on one SQLite database: durable, shared by the processes of one machine.

The folder holds ``log.db`` and SQLite's own two companions (``-wal``, ``-shm``). Any number of
processes may open it; it must lie on a local disk, because SQLite's locks need one.

=============== ==================================================================
schema          tables, connections, transactions, what SQLite's errors mean to a caller
partitioner     key to partition, as Kafka's default partitioner does it
records         append, read, bounds, search by time
retention       what is dropped because it is old, or superseded in a compacted topic
assignment      who gets which partition
groups          membership, generations, ownership, committed offsets
database        the one thread of a log that runs its SQL
keeper          the one thread of a log that watches for changes and sends heartbeats
membership      a member's side of a rebalance
consumer        the Consumer port
log             the EventLog port
=============== ==================================================================
"""

from polyvox.adapters.embedded_log.log import EmbeddedLog

__all__ = ["EmbeddedLog"]
