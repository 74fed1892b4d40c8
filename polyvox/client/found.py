"""What a search answers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from polyvox.client.calls import not_polyvox

PAGE = 100


@dataclass(frozen=True, slots=True)
class Hit:
    """A segment that was found; ``matches`` are ``[start, end)`` of ``text``, ``document`` is the whole answer."""

    media_id: str
    filename: str | None
    segment: int
    start_s: float
    end_s: float
    speaker: str | None
    """The speaker's label."""
    text: str
    matches: tuple[tuple[int, int], ...]
    document: Mapping[str, Any]


def hit(document: Mapping[str, Any]) -> Hit:
    """Raises Invalid: it does not describe one."""
    try:
        return Hit(
            media_id=str(document["media_id"]),
            filename=document.get("filename"),
            segment=int(document["segment"]),
            start_s=float(document["start_s"]),
            end_s=float(document["end_s"]),
            speaker=document.get("speaker_label") or document.get("speaker"),
            text=str(document["text"]),
            matches=tuple((int(start), int(end)) for start, end in document["matches"]),
            document=document,
        )
    except (KeyError, TypeError, ValueError):
        raise not_polyvox() from None


def page_params(q: str, filters: Mapping[str, str | int], cursor: str | None) -> dict[str, str | int]:
    """Parameters of ``GET /v1/search``, in pages as large as they come."""
    return {"limit": PAGE, **filters, "q": q, **({"cursor": cursor} if cursor else {})}
