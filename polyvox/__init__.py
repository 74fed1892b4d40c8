"""Polyvox turns buckets of recordings into attributed transcripts."""

__version__ = "0.1.0"
