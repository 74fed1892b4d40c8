"""Settings of the door: how often who may come, and what stands before the server."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings


class AccessSettings(BaseSettings):
    """Limits on requests, and proxies. Keys themselves are no settings: `polyvox keys` makes them."""

    key_requests_per_minute: int = Field(
        6000,
        ge=0,
        description="Requests that one key may send in a minute to each process; beyond it they get 429. 0: any. "
        "A key may have a limit of its own.",
    )
    tenant_requests_per_minute: int = Field(
        30_000, ge=0, description="Requests of one tenant in a minute, with all of its keys, to each process. 0: any."
    )
    tenant_request_limits: dict[str, int] = Field(
        {}, description='Other limits of that kind for single tenants, as JSON: {"acme": 600}.'
    )
    tenant_max_upload_bytes: dict[str, int] = Field(
        {}, description='Smaller largest uploads for single tenants, in bytes, as JSON: {"acme": 104857600}.'
    )
    trusted_proxies: str = Field(
        "127.0.0.1",
        description="Addresses of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed, with commas "
        "between, also networks such as 10.0.0.0/8; * for all.",
    )
    hsts_max_age_s: int = Field(
        0,
        ge=0,
        description="How long browsers shall come by TLS alone, in seconds (Strict-Transport-Security); 0 says nothing "
        "of it. For servers behind a proxy with TLS: a year is 31536000.",
    )
