"""The loop that every consumer of the log runs."""

from polyvox.worker.circuit import CircuitBreaker
from polyvox.worker.configured import worker_of
from polyvox.worker.worker import Worker

__all__ = ["CircuitBreaker", "Worker", "worker_of"]
