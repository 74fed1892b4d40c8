"""Webhooks from the log to a real receiver: told once, signed, retried over hours, replayed, never lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy.exc import IntegrityError

from polyvox.contracts import Envelope, Fact, MediaCompleted, MediaDeleted, MediaFailed, wrap
from polyvox.ids import new_media_id
from polyvox.logs import CHATTY
from polyvox.ports import Message
from results_api.http import webhooks as routes
from results_api.webhooks import endpoints as stored
from results_api.webhooks import sending
from results_api.webhooks.backoff import ATTEMPTS_MAX, DELAYS
from results_api.webhooks.deliveries import Deliveries
from results_api.webhooks.endpoints import Endpoints
from results_api.webhooks.following import Follower
from results_api.webhooks.sending import AT_ONCE_EACH, CLAIM
from tests.support.databases import Place
from tests.support.results import Results, completed, is_problem, results, until
from tests.support.stages import Recording
from tests.support.turned_clock import TurnedClock
from tests.support.webhooks import Receiver, counted, local, receiving, send_due, sender, telling


@asynccontextmanager
async def world_of(place: Place) -> AsyncIterator[tuple[Results, httpx.AsyncClient, Receiver]]:
    async with (
        results(place) as original,
        local(original) as world,
        world.serving() as client,
        receiving() as receiver,
    ):
        yield world, client, receiver


async def registered(
    client: httpx.AsyncClient, receiver: Receiver, path: str = "hook", **wanted: Any
) -> dict[str, Any]:
    response = await client.post("/v1/webhooks", json={"url": f"{receiver.url}/{path}", **wanted})
    assert response.status_code == 201, response.text
    assert response.headers["location"] == response.json()["href"]
    document: dict[str, Any] = response.json()
    return document


async def deliveries(client: httpx.AsyncClient, webhook: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
    response = await client.get(f"{webhook['href']}/deliveries", params=query)
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["items"]
    return found


def failed(clock: Any, media_id: str = "", tenant: str = "default") -> Envelope[Fact]:
    fact = MediaFailed(
        media_id=media_id or new_media_id(clock.now()),
        tenant=tenant,
        stage="normalise",
        code="no-audio",
        reason="There is no sound in it.",
        metadata={"project": "alpha"},
        failed_at=clock.now(),
    )
    return wrap(fact, source="/tests", time=clock.now())


def follower(world: Results, clock: Any) -> Follower:
    return Follower(world.database, Endpoints(world.database), Deliveries(world.database), clock)


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


async def test_attempts_go_on_over_hours_and_restarts_under_one_id_until_they_are_given_up(place: Place) -> None:
    async with world_of(place) as (world, client, receiver):
        webhook = await registered(client, receiver)
        clock = TurnedClock(start=world.runtime.clock.now() + timedelta(minutes=1))
        event = failed(clock)
        await follower(world, clock).handle(event)
        receiver.answers = [500, 404, 302, 503, 400, 500, 500, 500]
        for delay in [*DELAYS, None]:
            # Each attempt by another process than the one before.
            async with sender(world, clock) as sends:
                assert await send_due(sends) == 1
                assert await send_due(sends) == 0
                assert counted(sends) == {"failed" if delay else "given-up": 1}
                if delay is not None:
                    clock.turn(delay.total_seconds() - 1)
                    assert await send_due(sends) == 0
                    clock.turn(2)
        assert len(receiver.got) == ATTEMPTS_MAX
        assert {(got.path, got.id, got.body) for got in receiver.got} == {("hook", event.id, receiver.got[0].body)}
        assert len({got.headers["webhook-timestamp"] for got in receiver.got}) == ATTEMPTS_MAX
        (delivery,) = await deliveries(client, webhook, state="failed")
        assert [attempt["status"] for attempt in delivery["attempts"]] == [500, 404, 302, 503, 400, 500, 500, 500]
        assert "redirect" in delivery["attempts"][2]["error"]
        clock.turn(10 * 86_400)
        async with sender(world, clock) as sends:
            assert await send_due(sends) == 0
            since = (clock.now() - timedelta(days=30)).isoformat()
            nothing = await client.post(f"{webhook['href']}/replay", json={"since": clock.now().isoformat()})
            assert (nothing.status_code, nothing.json()) == (202, {"replayed": 0})
            replayed = await client.post(f"{webhook['href']}/replay", json={"since": since})
            assert (replayed.status_code, replayed.json()) == (202, {"replayed": 1})
            assert await send_due(sends) == 1
            (delivery,) = await deliveries(client, webhook)
            assert (delivery["state"], delivery["event_id"]) == ("delivered", event.id)
            # One that was delivered can be told again as well, by its id.
            again = await client.post(f"{webhook['href']}/deliveries/{event.id}/replay")
            assert (again.status_code, again.json()["state"]) == (202, "pending")
            assert await send_due(sends) == 1
            assert [got.id for got in receiver.got] == [event.id] * (ATTEMPTS_MAX + 2)
            assert counted(sends) == {"delivered": 2}


async def test_a_receiver_that_is_gone_is_disabled_until_somebody_enables_it(place: Place) -> None:
    async with world_of(place) as (world, client, receiver):
        webhook = await registered(client, receiver)
        clock = TurnedClock(start=world.runtime.clock.now() + timedelta(minutes=1))
        following = follower(world, clock)
        receiver.answers = [410]
        async with sender(world, clock) as sends:
            await following.handle(failed(clock))
            assert await send_due(sends) == 1
            (delivery,) = await deliveries(client, webhook)
            assert (delivery["state"], delivery["attempts"][0]["status"]) == ("failed", 410)
            assert (await client.get(webhook["href"])).json()["disabled_at"] is not None
            await following.handle(failed(clock))
            assert len(await deliveries(client, webhook)) == 1
            replay = f"{webhook['href']}/deliveries/{delivery['event_id']}/replay"
            is_problem(await client.post(replay), 409, "webhook-disabled")
            assert (await client.post(f"{webhook['href']}/enable")).json()["disabled_at"] is None
            assert (await client.post(replay)).status_code == 202
            assert await send_due(sends) == 1
            assert [one["state"] for one in await deliveries(client, webhook)] == ["delivered"]
            assert counted(sends) == {"gone": 1, "delivered": 1}


async def test_what_a_dead_process_was_at_is_sent_by_another_with_the_same_id(place: Place) -> None:
    async with world_of(place) as (world, client, receiver):
        webhook = await registered(client, receiver)
        clock = TurnedClock(start=world.runtime.clock.now() + timedelta(minutes=1))
        event = failed(clock)
        await follower(world, clock).handle(event)
        # It dies between its claim and the answer.
        claimed = await Deliveries(world.database).claim(
            webhook["webhook_id"], event.id, clock.now(), clock.now() + CLAIM
        )
        assert claimed is not None
        async with sender(world, clock) as one, sender(world, clock) as two:
            assert await send_due(one) == 0
            clock.turn(CLAIM.total_seconds() + 1)
            assert sorted(await asyncio.gather(send_due(one), send_due(two))) == [0, 1]
        assert [got.id for got in receiver.got] == [event.id]
        # The dead one was only slow: what it notes now does not count any more.
        await Deliveries(world.database).note(claimed, None, state="failed", next_at=clock.now(), now=clock.now())
        assert [one["state"] for one in await deliveries(client, webhook)] == ["delivered"]


async def test_nothing_is_lost_when_whoever_tells_is_cut_off_again_and_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "CLAIM", timedelta(seconds=1))
    async with world_of(place) as (world, client, receiver):
        webhook = await registered(client, receiver)
        events = [failed(world.runtime.clock) for _ in range(60)]
        await world.append([Message(MediaFailed.TOPIC, one.subject, one.model_dump_json().encode()) for one in events])
        for count in (1, 15, 30):

            async def is_under_way(count: int = count) -> bool:
                return len(receiver.got) >= count

            async with telling(world) as work:
                await until(is_under_way, f"{count} requests", every_s=0.001)
                work.cancel()
        async with telling(world):

            async def all_delivered() -> bool:
                found = await deliveries(client, webhook, limit=200, state="delivered")
                return len(found) == len(events)

            await until(all_delivered, "all to be delivered")
        assert {got.id for got in receiver.got} == {event.id for event in events}
        # Those that were cut off were sent again; the others were not.
        assert len(receiver.got) <= len(events) + 3 * AT_ONCE_EACH


async def test_a_receiver_that_does_not_answer_leaves_room_for_the_others(place: Place) -> None:
    async with world_of(place) as (world, client, receiver):
        silent, well = await registered(client, receiver, "silent"), await registered(client, receiver, "well")
        clock = TurnedClock(start=world.runtime.clock.now() + timedelta(minutes=1))
        released = asyncio.Event()

        async def answer_late() -> Any:
            await released.wait()
            return routes.Response(status_code=204)

        following = follower(world, clock)
        for _ in range(AT_ONCE_EACH):
            await following.handle(failed(clock))
        await Endpoints(world.database).disable(well["webhook_id"], clock.now())
        async with sender(world, clock) as sends:
            # The disabled one's end without a request; the silent one's fill its share.
            receiver.answers = [answer_late] * AT_ONCE_EACH
            begun = await sends.begin()
            await Endpoints(world.database).enable(well["webhook_id"])

            async def is_full() -> bool:
                return len(receiver.got) == AT_ONCE_EACH

            await until(is_full, "the silent receiver to be asked")
            await following.handle(failed(clock))
            assert await send_due(sends) == 1
            assert receiver.got[-1].path == "well"
            released.set()
            await asyncio.gather(*begun)
            assert await send_due(sends) == 1
        assert {one["state"] for one in await deliveries(client, silent)} == {"delivered"}


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
