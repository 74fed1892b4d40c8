"""Webhooks from the log to a real receiver: told once, signed, retried over hours, replayed, never lost."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from polyvox.contracts import MediaCompleted, MediaDeleted, MediaFailed
from polyvox.logs import CHATTY
from polyvox.ports import Message
from results_api.webhooks import endpoints as stored
from results_api.webhooks.deliveries import Deliveries
from results_api.webhooks.endpoints import Endpoints
from tests.support.databases import Place
from tests.support.results import completed, is_problem, results, until
from tests.support.stages import Recording
from tests.support.turned_clock import TurnedClock
from tests.support.webhooks import (
    deliveries,
    failed,
    follower,
    receiving,
    registered,
    send_due,
    sender,
    telling,
    world_of,
)


async def test_receivers_are_told_what_they_want_to_know_signed_and_once(place: Place) -> None:
    recording, other = Recording(), Recording()
    async with world_of(place) as (world, client, receiver), world.projecting(), telling(world):
        everything = await registered(client, receiver, "all", description="the archive")
        deletions = await registered(client, receiver, "deletions", types=["media.deleted"])
        another = await registered(client, receiver, "another", tenant="somebody-else")
        await completed(world, recording, other)

        async def told(count: int) -> None:
            async def are() -> bool:
                return len(receiver.got) >= count

            await until(are, f"{count} requests")

        await told(2)
        assert (await client.delete(f"/v1/media/{recording.media_id}")).status_code == 204
        await told(4)
        by_path = {path: [got for got in receiver.got if got.path == path] for path in ("all", "deletions", "another")}
        assert [len(by_path[path]) for path in by_path] == [3, 1, 0]
        payloads = [got.verified(everything["secret"]) for got in by_path["all"]]
        assert sorted((one["type"], one["data"]["media_id"]) for one in payloads) == sorted(
            [
                ("media.completed", recording.media_id),
                ("media.completed", other.media_id),
                ("media.deleted", recording.media_id),
            ]
        )
        for payload in payloads:
            assert payload["timestamp"] == payload["data"].get("completed_at", payload["data"].get("deleted_at"))
        (deletion,) = by_path["deletions"]
        assert deletion.verified(deletions["secret"])["data"]["media_id"] == recording.media_id
        assert deletion.headers["content-type"] == "application/json"
        events = {envelope.id for fact in (MediaCompleted, MediaDeleted) for envelope in await world.told(fact)}
        assert {got.id for got in receiver.got} == events

        # What is on the log twice, as after a crash, is told once.
        await world.append(
            [
                Message(MediaCompleted.TOPIC, other.media_id, envelope.model_dump_json().encode())
                for envelope in await world.told(MediaCompleted)
                if envelope.subject == other.media_id
            ]
        )

        async def is_read() -> bool:
            return not any((await world.runtime.log.lag("webhooks", [MediaCompleted.TOPIC])).values())

        await until(is_read, "the repetition to be read")

        async def all_delivered() -> bool:
            return [one["state"] for one in await deliveries(client, everything)] == ["delivered", "delivered"]

        # The deleted recording's own result is not kept in the log of deliveries either.
        await until(all_delivered, "the deliveries to be noted")
        assert {one["type"] for one in await deliveries(client, everything)} == {"media.completed", "media.deleted"}
        assert await deliveries(client, another) == []
        assert len(receiver.got) == 4


async def test_a_secret_is_told_once_and_never_logged(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for library in CHATTY:
        # As polyvox.logs sets them whatever the level.
        caplog.set_level(logging.WARNING, logger=library)
    clock = TurnedClock()
    async with world_of(place) as (world, client, receiver), sender(world, clock) as sends:
        webhook = await registered(client, receiver, "T0/very-hidden", description="chat")
        later = TurnedClock(start=world.runtime.clock.now() + timedelta(minutes=1))
        receiver.answers = [500]
        await follower(world, later).handle(failed(later))
        sends.clock = later
        assert await send_due(sends) == 1
        shown = [await client.get(path) for path in ("/v1/webhooks", webhook["href"], f"{webhook['href']}/deliveries")]
        assert all(response.status_code == 200 for response in shown)
        assert not [response for response in shown if "secret" in response.text]
        said = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("results_api"))
        assert "127.0.0.1" in said
        assert "very-hidden" not in said
        assert webhook["secret"] not in caplog.text
        (endpoint,) = await Endpoints(world.database).all()
        assert webhook["secret"] == endpoint.secret
        assert webhook["secret"] not in repr(endpoint)
        with pytest.raises(IntegrityError) as raised:
            await Endpoints(world.database).add(endpoint)
        assert webhook["secret"] not in str(raised.value)


async def test_the_log_of_deliveries_comes_in_pages_and_goes_with_its_webhook(place: Place) -> None:
    async with world_of(place) as (world, client, receiver):
        webhook = await registered(client, receiver)
        clock = TurnedClock(start=world.runtime.clock.now() + timedelta(minutes=1))
        following = follower(world, clock)
        events = []
        for _ in range(5):
            events.append(failed(clock))
            await following.handle(events[-1])
            clock.turn(1)
        seen: list[str] = []
        query: dict[str, Any] = {"limit": 2}
        while query:
            page = (await client.get(f"{webhook['href']}/deliveries", params=query)).json()
            seen += [one["event_id"] for one in page["items"]]
            query = {"limit": 2, "cursor": page["next_cursor"]} if page["next_cursor"] else {}
        assert seen == [event.id for event in reversed(events)]
        assert await Deliveries(world.database).forget_ended(clock.now() + timedelta(days=1)) == 0
        async with sender(world, clock) as sends:
            await send_due(sends)
            await send_due(sends)
        assert await Deliveries(world.database).forget_ended(clock.now() + timedelta(days=1)) == 5
        assert (await client.delete(webhook["href"])).status_code == 204
        is_problem(await client.get(webhook["href"]), 404, "not-found")
        is_problem(await client.delete(webhook["href"]), 404, "not-found")
        await following.handle(failed(clock))
        assert (await client.get("/v1/webhooks")).json() == {"items": []}


async def test_what_means_nothing_is_refused(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world_of(place) as (_, client, receiver):
        url = f"{receiver.url}/hook"
        for body in (
            {},
            {"url": "not a url"},
            {"url": "ftp://example.com"},
            {"url": "http://169.254.169.254/latest"},
            {"url": url, "types": []},
            {"url": url, "types": ["media.ready"]},
            {"url": url, "description": "\x00"},
            {"url": url, "colour": "red"},
        ):
            assert (await client.post("/v1/webhooks", json=body)).status_code == 422, body
        webhook = await registered(client, receiver)
        is_problem(await client.post(f"{webhook['href']}/deliveries/nothing/replay"), 404, "not-found")
        is_problem(await client.post(f"{webhook['href']}/deliveries/{'0' * 36}/replay"), 404, "not-found")
        assert (
            await client.post(f"{webhook['href']}/replay", json={"since": "2026-01-01T00:00:00"})
        ).status_code == 422
        assert (await client.get(f"{webhook['href']}/deliveries?cursor=x")).status_code == 422
        for path in ("nothing", "%00", "0" * 36):
            is_problem(await client.get(f"/v1/webhooks/{path}"), 404, "not-found")
        monkeypatch.setattr(stored, "ENDPOINTS_MAX", 1)
        is_problem(await client.post("/v1/webhooks", json={"url": url}), 409, "too-many-webhooks")
        assert len((await client.get("/v1/webhooks")).json()["items"]) == 1


async def test_without_the_setting_nothing_goes_to_this_machine(place: Place) -> None:
    async with results(place) as world, world.serving() as client, receiving() as receiver, telling(world):
        is_problem(await client.post("/v1/webhooks", json={"url": receiver.url}), 422, "bad-target")
        literal = receiver.url.replace("http://", "https://")
        is_problem(await client.post("/v1/webhooks", json={"url": literal}), 422, "bad-target")
        named = literal.replace("127.0.0.1", "localhost")
        webhook = (await client.post("/v1/webhooks", json={"url": named})).json()
        event = failed(world.runtime.clock)
        await world.append([Message(MediaFailed.TOPIC, event.subject, event.model_dump_json().encode())])

        async def attempts() -> list[dict[str, Any]]:
            return [attempt for one in await deliveries(client, webhook) for attempt in one["attempts"]]

        (attempt, *_) = await until(attempts, "an attempt")
        assert (attempt["status"], "must not reach" in attempt["error"]) == (None, True)
        assert receiver.got == []
