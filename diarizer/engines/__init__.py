"""Engines: arrays in, results out."""
