"""Recordings in SQLite or PostgreSQL."""
