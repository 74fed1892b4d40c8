"""The EventLog port on Kafka 2.8 or newer, with aiokafka.

Needs, where the cluster checks rights: Create and Describe on the cluster and on topics that begin with the
prefix, Write and Read on those topics, Read on groups that begin with the prefix, IdempotentWrite.
Creates: the topics that ensure_topics is given, and nothing else.

=============== ==================================================================
options         what is to be known about a cluster; names with their prefix
errors          what Kafka's errors mean to a caller
clients         the clients of one process: producer, admin and reader, opened on first use
topics          creating topics, waiting for them
producing       append
reading         read, bounds, search by time, lag
assignment      who gets which partition, moving as few as can be
assignor        the assignment in terms of Kafka's group protocol
coordinator     aiokafka's group protocol, with what it lacks
member          aiokafka's consumer with our coordinator
consumer        the Consumer port
log             the EventLog port
=============== ==================================================================
"""

from polyvox.adapters.kafka.log import KafkaLog
from polyvox.adapters.kafka.options import KafkaOptions, of_settings

__all__ = ["KafkaLog", "KafkaOptions", "of_settings"]
