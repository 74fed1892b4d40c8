"""`/v1/keys`: keys, for admins; those of a tenant make and see keys of their tenant alone."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from polyvox.access.caller import calling, sees
from polyvox.access.key import ApiKey, Tenant
from polyvox.access.keyring import Keyring, Wish
from polyvox.access.known import KnownKeys
from polyvox.access.scopes import SCOPES, Scope, needs
from polyvox.http.problems import Problem, documented
from polyvox.http.refusals import other_tenant
from polyvox.moments import ZonedMoment

KeyIdInPath = Annotated[str, Path(description="The middle of a key, between its underscores.")]


class NewKey(BaseModel):
    """A key to be made."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$", description="What it is called in lists.")
    tenant: Tenant | None = Field(
        None, description="Whose recordings it is for; null: that of the key it is made with."
    )
    scopes: set[Scope] = Field(
        min_length=1,
        description="upload, read, admin; admin holds the others.",
        # One that is named twice is taken once.
        json_schema_extra={"uniqueItems": False},
    )
    requests_per_minute: int | None = Field(None, ge=1, le=10_000_000, description="null: as settings say.")
    expires_at: ZonedMoment | None = Field(None, description="null: it is good until it is revoked.")


class KeyDocument(BaseModel):
    """One key, by which nothing can be opened."""

    key_id: str
    name: str
    tenant: str | None = Field(description="null: all tenants.")
    scopes: list[Scope]
    requests_per_minute: int | None
    created_at: datetime
    created_by: str | None = Field(description="The key that it was made with; null: the command line.")
    expires_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, key: ApiKey) -> Self:
        scopes = [scope for scope in SCOPES if scope in key.scopes]
        return cls(**key.model_dump(exclude={"sha256", "scopes"}), scopes=scopes)


class KeyCreated(KeyDocument):
    key: str = Field(description="The key itself. It is told this once and never again.")


class KeyList(BaseModel):
    items: list[KeyDocument]


def router(keyring: Keyring, known: KnownKeys) -> APIRouter:
    """``known`` is what this process remembers of keys: what changes here counts here at once."""
    api = APIRouter(tags=["keys"])

    async def there(key_id: str) -> ApiKey:
        key = await keyring.get(key_id) if len(key_id) == 16 and key_id.isalnum() else None
        if key is None or not sees(key.tenant):
            raise Problem(
                404, "not-found", "Not found", f"There is no key {key_id}. GET /v1/keys lists those there are."
            )
        return key

    @api.post("/v1/keys", status_code=201, summary="Make a key.", responses=documented(403, 422, 503))
    @needs("admin")
    async def create(new: NewKey, response: Response) -> KeyCreated:
        """The key is in this answer alone: what is kept of it opens nothing. Where there was none, every request needs
        one from now on."""
        caller = calling()
        tenant = caller.tenant if caller and new.tenant is None else new.tenant
        if not sees(tenant):
            raise other_tenant()
        made_with = caller.key_id if caller else None
        wish = Wish(new.name, tenant, frozenset(new.scopes), new.requests_per_minute, new.expires_at, made_with)
        key, text = await keyring.add(wish)
        known.forget()
        response.headers["Cache-Control"] = "no-store"
        response.headers["Location"] = f"/v1/keys/{key.key_id}"
        return KeyCreated(**KeyDocument.of(key).model_dump(), key=text)

    @api.get(
        "/v1/keys", summary="All keys, oldest first, also those that are not good any more.", responses=documented(503)
    )
    @needs("admin")
    async def index() -> KeyList:
        return KeyList(items=[KeyDocument.of(key) for key in await keyring.all() if sees(key.tenant)])

    @api.get("/v1/keys/{key_id}", summary="One key.", responses=documented(404, 410, 503))
    @needs("admin")
    async def show(key_id: KeyIdInPath) -> KeyDocument:
        """One that is revoked is gone; the list still tells of it."""
        key = await there(key_id)
        if key.revoked_at is not None:
            detail = (
                f"The key {key_id} was revoked at {key.revoked_at:%Y-%m-%dT%H:%M:%SZ}; GET /v1/keys still lists it."
            )
            raise Problem(410, "key-revoked", "The key is revoked", detail)
        return KeyDocument.of(key)

    @api.delete("/v1/keys/{key_id}", summary="Revoke a key.", responses=documented(404, 503))
    @needs("admin")
    async def revoke(key_id: KeyIdInPath) -> KeyDocument:
        """It is refused from now on, everywhere within seconds. It stays in the list, for what it did is still told."""
        await there(key_id)
        revoked = await keyring.revoke(key_id)
        known.forget()
        return KeyDocument.of(revoked)

    return api
