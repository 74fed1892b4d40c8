"""Good recordings, damaged on purpose: `python -m tests.mutation --help` says how to try many."""
