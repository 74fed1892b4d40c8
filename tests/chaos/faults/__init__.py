"""Faults put into a whole product on real servers while recordings flow, and what became of every one of them.

`python -m tests.chaos.faults` puts in all of them, one after the other, and prints a table; see docs/chaos.md.
"""
