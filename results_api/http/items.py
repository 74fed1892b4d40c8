"""Recordings as lists show them, kept as bytes for as long as they are not changed: there are fifty on a page."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from results_api.database.listing import Rows
from results_api.database.rows import summary_of
from results_api.http.documents import item

ITEMS_MAX = 5_000
"""A few hundred bytes each."""


class Items:
    """What was not listed for longest goes first."""

    def __init__(self, *, items_max: int = ITEMS_MAX) -> None:
        self._items_max = items_max
        self._kept: OrderedDict[tuple[str, int], bytes] = OrderedDict()

    def page(self, found: Rows) -> bytes:
        """A MediaPage as JSON."""
        items = b",".join([self._item(row) for row in found.rows])
        return b'{"items":[%b],"next_cursor":%b}' % (items, json.dumps(found.next_cursor).encode())

    def _item(self, row: Mapping[str, Any]) -> bytes:
        # The columns of a row are made from what its revision counts the changes of, and from nothing else.
        name = row["media_id"], row["revision"]
        kept = self._kept.get(name)
        if kept is None:
            kept = self._kept[name] = item(summary_of(row)).model_dump_json().encode()
            if len(self._kept) > self._items_max:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(name)
        return kept
