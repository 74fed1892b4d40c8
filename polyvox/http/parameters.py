"""Kinds of parameters that several routes take, each as strict as the OpenAPI document says it is."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema


def text_like(pattern: str, *, min_length: int = 1, max_length: int | None = None) -> WithJsonSchema:
    """What the document says of a text that its route refuses itself, with better words than a pattern's."""
    bounds = {"minLength": min_length} | ({} if max_length is None else {"maxLength": max_length})
    return WithJsonSchema({"type": "string", "pattern": pattern, **bounds})


IdempotencyKey = Annotated[str, text_like("^[!-~]([ -~]*[!-~])?$", max_length=255)]
"""1 to 255 printable characters of ASCII. HTTP takes spaces around them away."""


def whole(value: Any) -> Any:
    """``value``, as an int if it is a float without a fraction: in JSON 5.0 is an integer."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


WholeNumber = Annotated[int, Field(strict=True), BeforeValidator(whole)]
"""An integer of JSON; neither a text nor true."""
