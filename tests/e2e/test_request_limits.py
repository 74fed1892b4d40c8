"""How many requests, and how large uploads, a key and a tenant may send to a real server."""

from __future__ import annotations

from pathlib import Path

import openai
import pytest

from tests.support.guarded import guarded
from tests.support.results import is_problem
from tests.support.uploads import wav

TUS = {"Tus-Resumable": "1.0.0"}


async def test_who_sends_too_many_requests_is_told_when_to_come_again(tmp_path: Path) -> None:
    async with guarded(tmp_path, key_requests_per_minute=3, tenant_request_limits={"acme": 4}) as api:
        first, second = await api.client("acme", "read"), await api.client("acme", "read")
        answers = [await first.get("/v1/media") for _ in range(3)]
        assert [answer.headers["RateLimit"].split(";")[1] for answer in answers] == ["r=2", "r=1", "r=0"]
        assert answers[0].headers["RateLimit-Policy"] == '"key";q=3;w=60, "tenant";q=4;w=60'
        refused = await first.get("/v1/media")
        is_problem(refused, 429, "rate-limit-exceeded")
        assert 1 <= int(refused.headers["Retry-After"]) <= 20
        assert '"key";r=0' in refused.headers["RateLimit"]
        is_problem(await second.get("/v1/media"), 429, "rate-limit-exceeded")
        # Without a key, and of whoever else, they are as many as ever.
        assert (await (await api.nobody()).get("/health")).status_code == 200
        assert (await (await api.client("other", "read", requests_per_minute=1)).get("/v1/media")).status_code == 200


async def test_openai_s_clients_understand_that_they_are_too_many(tmp_path: Path) -> None:
    async with guarded(tmp_path) as api:
        _, text = await api.key("acme", "read", requests_per_minute=1)
        async with openai.AsyncOpenAI(base_url=f"{api.url}/v1", api_key=text, max_retries=0) as client:
            await client.models.list()
            with pytest.raises(openai.RateLimitError) as refused:
                await client.models.list()
        assert refused.value.code == "rate_limit_exceeded"
        assert int(refused.value.response.headers["Retry-After"]) >= 50


async def test_who_guesses_keys_is_sent_away_and_good_keys_from_there_are_not(tmp_path: Path) -> None:
    async with guarded(tmp_path) as api:
        good, nobody = await api.client("acme", "read"), await api.nobody()
        assert (await good.get("/v1/media")).status_code == 200
        statuses: list[int] = []
        # On a busy machine some come back while others are sent.
        while len(statuses) < 300 and 429 not in statuses:
            guess = f"pvx_{len(statuses):016x}_{'0' * 64}"
            statuses.append((await nobody.get("/v1/media", headers={"X-API-Key": guess})).status_code)
        assert len(statuses) > 30
        assert statuses == [401] * (len(statuses) - 1) + [429]
        assert (await good.get("/v1/media")).status_code == 200


async def test_a_tenant_s_uploads_are_as_large_as_it_may_send(tmp_path: Path) -> None:
    size_bytes = len(wav())
    async with guarded(tmp_path, tenant_max_upload_bytes={"acme": size_bytes - 1}) as api:
        acme, other = await api.client("acme", "upload"), await api.client("other", "upload")
        for client, status in ((acme, 413), (other, 202)):
            assert (await client.post("/v1/media", content=wav())).status_code == status
            assert (await client.post("/v1/media", files={"file": wav()})).status_code == status
        for client, status in ((acme, 413), (other, 201)):
            assert (await client.post("/v1/uploads", json={"size_bytes": size_bytes})).status_code == status
            headers = {**TUS, "Upload-Length": str(size_bytes)}
            assert (await client.post("/v1/tus", headers=headers)).status_code == status
        deferred = await acme.post("/v1/tus", headers={**TUS, "Upload-Defer-Length": "1"})
        patch = {**TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
        grown = await acme.patch(deferred.headers["Location"], content=wav(), headers=patch)
        assert grown.status_code == 413
