"""Model weights on this machine: where they come from, how they are checked, where they lie."""

from polyvox.weights.pulling import (
    DEFAULT_SET,
    ModelStatus,
    Progress,
    folder,
    for_transcriber,
    is_present,
    known_models,
    list_models,
    pull,
    pull_async,
    pull_model,
    pull_set,
    verify,
)

__all__ = [
    "DEFAULT_SET",
    "ModelStatus",
    "Progress",
    "folder",
    "for_transcriber",
    "is_present",
    "known_models",
    "list_models",
    "pull",
    "pull_async",
    "pull_model",
    "pull_set",
    "verify",
]
