"""The world behind the ports: the only importers of its client libraries."""
