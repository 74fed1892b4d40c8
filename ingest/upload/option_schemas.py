"""JSON schemas of options: what each may be, and which go together. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ingest.upload.options import MAX_METADATA_ENTRIES, MAX_METADATA_KEY_CHARS, MAX_METADATA_VALUE_CHARS, Known
from polyvox import languages
from polyvox.contracts import Options

Schema = dict[str, Any]

METADATA_VALUE: Schema = {"type": "string", "maxLength": MAX_METADATA_VALUE_CHARS}
_TEXT = {"type": "string"}
_SPEAKERS = {"type": "integer"}


def option_schemas(known: Known) -> dict[str, Schema]:
    """What each option may be in JSON, by name; null is not given."""
    options: dict[str, Schema] = Options.model_json_schema()["properties"]
    codes = {**_TEXT, "enum": list(languages.LANGUAGES)}
    options["language"] |= _or_null({**_TEXT, "enum": ["auto", *languages.LANGUAGES]})
    options["language"] |= {"default": "auto", "description": "ISO 639 code, or auto to find out."}
    options["languages"] |= _or_null({"type": "array", "items": codes, "minItems": 1, "maxItems": 100})
    options["languages"]["description"] = "Those among which to find out, as ISO 639 codes."
    options["metadata"] = {
        "type": "object",
        "description": "Goes with the recording, and can be searched by.",
        "additionalProperties": METADATA_VALUE,
        "propertyNames": {"minLength": 1, "maxLength": MAX_METADATA_KEY_CHARS},
        "maxProperties": MAX_METADATA_ENTRIES,
    }
    if (models := _models(known)) is not None:
        options["model"] |= _or_null({**_TEXT, "enum": sorted(models)})
    options["engine"] |= _or_null({**_TEXT, "enum": sorted(known.engines)})
    return {name: schema if "anyOf" in schema else _or_null(schema) for name, schema in options.items()}


def as_fields(options: dict[str, Schema]) -> dict[str, Schema]:
    """The same as fields of a form, or of a query, where there is no null."""
    return {name: _without_null(schema) for name, schema in options.items()}


def agreement(known: Known, names: Collection[str]) -> list[Schema]:
    """Which of the options with these names go together; for ``allOf``. Not said, for want of a way: that
    ``min_speakers`` is at most ``max_speakers``.
    """
    rules: list[Schema] = []
    if "num_speakers" in names:
        rules += [
            {"not": {"required": ["num_speakers", bound], "properties": {"num_speakers": _SPEAKERS, bound: _SPEAKERS}}}
            for bound in ("min_speakers", "max_speakers")
        ]
    if "languages" in names:
        given = {"required": ["languages"], "properties": {"languages": {"type": "array"}}}
        rules.append({"if": given, "then": {"properties": {"language": {"enum": ["auto", None]}}}})
    if "model" in names:
        rules += [_model_knows(known, some) for some in alike(known)]
    return rules


def _model_knows(known: Known, models: list[str]) -> Schema:
    """What may be asked of these models, which are alike."""
    codes = [code for code in languages.LANGUAGES if code in languages.of_model(models[0])]
    able: dict[str, Schema] = {
        "language": {"enum": ["auto", *codes, None]},
        "languages": {"anyOf": [{"type": "array", "items": {"enum": codes}}, {"type": "null"}]},
    }
    if languages.is_english_only(models[0]):
        able["task"] = {"const": "transcribe"}
    is_default = known.default_model in models
    condition: Schema = {"properties": {"model": {"enum": [*models, None] if is_default else models}}}
    if not is_default:
        condition["required"] = ["model"]
    return {"if": condition, "then": {"properties": able}}


def alike(known: Known) -> list[list[str]]:
    """Models that cannot do everything, those together that can do the same."""
    groups: dict[tuple[frozenset[str], bool], list[str]] = {}
    for model in sorted({*(_models(known) or ()), known.default_model}):
        able = languages.of_model(model), languages.is_english_only(model)
        if able != (frozenset(languages.LANGUAGES), False):
            groups.setdefault(able, []).append(model)
    return list(groups.values())


def _models(known: Known) -> set[str] | None:
    """Those of every engine; which has which, a schema need not say. None: any."""
    if known.models is None:
        return None
    return {*known.models, *(model for some in known.elsewhere.values() for model in some)}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _without_null(schema: Schema) -> Schema:
    choices = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
    plain = {name: value for name, value in schema.items() if name != "anyOf" and value is not None}
    return {**plain, **choices[0]} if len(choices) == 1 else plain
