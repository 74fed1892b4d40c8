"""Folds events into recordings, publishes what is settled, removes what is deleted."""
