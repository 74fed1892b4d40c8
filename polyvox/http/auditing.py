"""What the audit trail is told of a request, by who sent it and how it is answered."""

from __future__ import annotations

import re

from starlette.datastructures import Headers
from starlette.types import Message, Scope, Send

from polyvox.access.caller import Caller
from polyvox.access.scopes import Action, Permission
from polyvox.audit.recorder import Noted, Recorder
from polyvox.http.door import address_of
from polyvox.http.measuring import route_of

READING = ("GET", "HEAD", "OPTIONS")
_MEDIA_ID = re.compile(r"[0-9A-Za-z_-]{8,64}")
_LOCATION = re.compile(r"/v1/media/([0-9A-Za-z_-]{8,64})")


def told_of(caller: Caller | None) -> bool:
    """Not of requests of the machine itself, where nobody is known."""
    return caller is None or caller.key_id is not None or caller.tenant is not None


class Auditing:
    """One request."""

    def __init__(self, recorder: Recorder, scope: Scope, permission: Permission | None) -> None:
        self._recorder = recorder
        self._scope = scope
        self._permission = permission

    def refused(self, caller: Caller | None, status: int) -> None:
        """It came no further than the guard."""
        self._recorder.note(self._noted(caller, status, _named(self._scope)))

    def answering(self, caller: Caller, send: Send) -> Send:
        """``send`` that notes the answer. What is changed is on the log before it is acknowledged."""

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                media_id = _named(self._scope) or _made(Headers(raw=list(message.get("headers", ()))))
                noted = self._noted(caller, message["status"], media_id)
                if noted.action == "read":
                    self._recorder.note(noted)
                else:
                    await self._recorder.noted(noted)
            await send(message)

        return noting

    def _noted(self, caller: Caller | None, status: int, media_id: str | None) -> Noted:
        return Noted(
            action=self._action(),
            method=self._scope["method"],
            route=route_of(self._scope),
            status=status,
            address=address_of(self._scope),
            key_id=caller.key_id if caller else None,
            tenant=caller.tenant if caller else None,
            media_id=media_id,
        )

    def _action(self) -> Action:
        if self._permission is not None and self._permission.action is not None:
            return self._permission.action
        method = self._scope["method"]
        return "read" if method in READING else "deleted" if method == "DELETE" else "changed"


def _named(scope: Scope) -> str | None:
    """The recording that the path names."""
    named = scope.get("path_params", {})
    media_id = str(named.get("media_id") or named.get("upload_id") or "")
    return media_id if _MEDIA_ID.fullmatch(media_id) else None


def _made(headers: Headers) -> str | None:
    """The recording that the answer says was made."""
    found = _LOCATION.fullmatch(headers.get("location", ""))
    return found[1] if found else headers.get("polyvox-media-id")
