"""Finds out who speaks when."""
