"""A ticket stands for a key where no header can be sent: browsers open streams of events by their address alone. Pure.

Its text is ``pvt_``, the key's id, ``_``, the second in which it expires, ``_``, and 64 hexadecimal digits that only
those can make who know the key's hash: HMAC-SHA256 of what it is good for. So any process can check it and nothing is
stored, and it ends with its key. It is good for one recording, and for whom the key's bearer acted when it was made.
"""

from __future__ import annotations

import hmac
import json
import re
from datetime import datetime
from typing import NamedTuple

from polyvox.access.key import ApiKey

LIVES_S = 60
PATTERN = re.compile(r"pvt_([0-9a-f]{16})_([0-9]{1,12})_([0-9a-f]{64})")


class Ticket(NamedTuple):
    """A ticket that somebody holds out; whether it is good ``matches`` says."""

    key_id: str
    expires_s: int
    mac: str

    def matches(self, key: ApiKey, *, media_id: str, tenant: str | None, now: datetime) -> bool:
        """Whether it was made with this key, for this recording and this tenant (None: all), and holds at ``now``."""
        made = _mac(key, media_id, tenant, self.expires_s)
        return hmac.compare_digest(made, self.mac) and now.timestamp() < self.expires_s


def new_ticket(key: ApiKey, *, media_id: str, tenant: str | None, expires_at: datetime) -> str:
    expires_s = int(expires_at.timestamp())
    return f"pvt_{key.key_id}_{expires_s}_{_mac(key, media_id, tenant, expires_s)}"


def read_ticket(text: str) -> Ticket | None:
    """None: it has not the form of a ticket."""
    found = PATTERN.fullmatch(text)
    return Ticket(found[1], int(found[2]), found[3]) if found else None


def _mac(key: ApiKey, media_id: str, tenant: str | None, expires_s: int) -> str:
    told = json.dumps(["events", media_id, tenant, expires_s]).encode()
    return hmac.new(bytes.fromhex(key.sha256), told, "sha256").hexdigest()
