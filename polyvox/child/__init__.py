"""Model code in a process of its own: a crash becomes the failure of one call.

Nothing is imported here: the child's own process passes through and loads only what it needs.
"""
