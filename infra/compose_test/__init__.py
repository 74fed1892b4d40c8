"""Brings docker-compose.yml up for real where there is neither a Docker engine nor a registry of images.

=========== ==================================================================
podman      the engine, with settings, images and containers of its own
stand_ins   images that no package registry has, made of Debian's packages
images      those, and ours
compose     Compose v2, built from its Go module, and the stack
scenario    what must work: a dropped recording comes out as a transcript …
=========== ==================================================================
"""
