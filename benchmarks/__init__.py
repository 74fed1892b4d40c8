"""Measurements against peers and references; results are recorded in docs/benchmarks.md."""
