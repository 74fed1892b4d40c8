"""`POST /v1/media/{media_id}/events/ticket`: the events of a recording for programs that can send no key with them."""

from __future__ import annotations

from datetime import datetime, timedelta

from fastapi import APIRouter
from pydantic import BaseModel, Field

from polyvox.access.caller import calling
from polyvox.access.keyring import Keyring
from polyvox.access.scopes import needs
from polyvox.access.ticket import LIVES_S, new_ticket
from polyvox.http import documented
from polyvox.http.refusals import bad_key
from polyvox.service import Runtime
from results_api.http.reading import Reading


class TicketDocument(BaseModel):
    """``ticket`` null: no key was sent, so none is needed."""

    href: str = Field(description="Where the events are, the ticket with it. Open it at once, and show it to nobody.")
    ticket: str | None
    expires_at: datetime | None = Field(description="Until then the stream can be opened; it may last longer.")


def router(runtime: Runtime, reading: Reading) -> APIRouter:
    api = APIRouter(tags=["media"])
    keyring = Keyring(runtime.store, runtime.clock)

    @api.post(
        "/v1/media/{media_id}/events/ticket",
        summary="A ticket for the events of a recording.",
        responses=documented(404, 503),
    )
    @needs("read", action="read")
    async def ticket(media_id: str) -> TicketDocument:
        """For a browser's `EventSource`, which can send no key: its address takes the ticket instead. It is good for
        a minute, for this recording, and as long as the key is."""
        await reading.known(media_id)
        href, caller = f"/v1/media/{media_id}/events", calling()
        if caller is None or caller.key_id is None:
            return TicketDocument(href=href, ticket=None, expires_at=None)
        key = await keyring.get(caller.key_id)
        if key is None:
            raise bad_key()
        expires_at = (runtime.clock.now() + timedelta(seconds=LIVES_S)).replace(microsecond=0)
        text = new_ticket(key, media_id=media_id, tenant=caller.tenant, expires_at=expires_at)
        return TicketDocument(href=f"{href}?ticket={text}", ticket=text, expires_at=expires_at)

    return api
