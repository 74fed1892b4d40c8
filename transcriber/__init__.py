"""Turns parts of recordings into words."""
