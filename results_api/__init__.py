"""Joins words and speakers, and serves the result."""
