"""The options of an object, from all who may have a say. Pure.

A later source goes before an earlier one, option by option: the watch, the object's metadata, its
tags, its sidecar. ``metadata`` adds up, entry by entry.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ingest.upload.options import Known, check_options
from polyvox.contracts import Options
from polyvox.errors import Invalid
from polyvox.http import Problem

PREFIX = "polyvox-"
SIDECAR_BYTES_MAX = 64 * 1024
_COUNTED = {"num_speakers"}, {"min_speakers", "max_speakers"}


def asked_for(layers: Sequence[Mapping[str, Any]], known: Known) -> Options:
    """The options that all ``layers`` together ask for; null takes back what an earlier one asked for.

    Raises:
        Invalid: one asks for what there is not, or all together for what does not fit; the reason
            is for whoever put the object there.
    """
    values: dict[str, Any] = {}
    metadata: dict[str, str] = {}
    for layer in layers:
        for one, other in (_COUNTED, _COUNTED[::-1]):
            if one & layer.keys():
                # A number of speakers replaces bounds, and bounds a number.
                values = {name: value for name, value in values.items() if name not in other}
        for name, value in layer.items():
            if name == "metadata" and value is not None:
                metadata |= _entries(value)
            elif name == "metadata":
                metadata.clear()
            elif value is None:
                values.pop(name, None)
            else:
                values[name] = value
    try:
        return check_options(values, metadata, known)
    except Problem as problem:
        raise Invalid(problem.detail, code="bad-option") from problem


def of_names(named: Mapping[str, str]) -> dict[str, Any]:
    """The options among an object's metadata or tags: ``polyvox-num-speakers``, ``polyvox-metadata-case``."""
    asked: dict[str, Any] = {}
    for raw, value in named.items():
        name = raw.lower()
        if not name.startswith(PREFIX):
            continue
        option = name.removeprefix(PREFIX)
        if option[:9] in ("metadata-", "metadata."):
            asked.setdefault("metadata", {})[option[9:]] = value
        elif value.strip():
            asked[option.replace("-", "_")] = value.strip()
    return asked


def of_sidecar(body: bytes) -> dict[str, Any]:
    """The options in a sidecar: the JSON object itself, or the one in it that is called ``polyvox``.

    Raises:
        Invalid: it is not that, or larger than 64 KiB.
    """
    if len(body) > SIDECAR_BYTES_MAX:
        raise Invalid(f"The sidecar has more than {SIDECAR_BYTES_MAX} bytes.", code="bad-sidecar")
    try:
        said = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Invalid("The sidecar is not valid JSON in UTF-8.", code="bad-sidecar") from error
    if isinstance(said, dict):
        said = said.get("polyvox", said)
    if not isinstance(said, dict):
        raise Invalid(
            'The sidecar must be a JSON object with options, for example {"language": "de"}.', code="bad-sidecar"
        )
    return said


def _entries(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping) or not all(isinstance(v, str | int | float) for v in value.values()):
        raise Invalid('metadata must be an object of strings, for example {"case": "17"}.', code="bad-option")
    return {str(key): v if isinstance(v, str) else json.dumps(v) for key, v in value.items()}
