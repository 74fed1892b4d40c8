"""Deliveries that meet trouble: tried again for hours, over restarts and crashes, and in nobody's way."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from fastapi import Response

from polyvox.contracts import MediaFailed
from polyvox.ports import Message
from results_api.webhooks import sending
from results_api.webhooks.backoff import ATTEMPTS_MAX, DELAYS
from results_api.webhooks.deliveries import Deliveries
from results_api.webhooks.endpoints import Endpoints
from results_api.webhooks.sending import AT_ONCE_EACH, CLAIM
from tests.support.databases import Place
from tests.support.results import is_problem, until
from tests.support.turned_clock import TurnedClock
from tests.support.webhooks import (
    counted,
    deliveries,
    failed,
    follower,
    registered,
    send_due,
    sender,
    telling,
    world_of,
)


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
        (claimed,) = await Deliveries(world.database).claim(
            [(webhook["webhook_id"], event.id)], clock.now(), clock.now() + CLAIM
        )
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
            return Response(status_code=204)

        following = follower(world, clock)
        for _ in range(AT_ONCE_EACH):
            await following.handle(failed(clock))
        await Endpoints(world.database).disable(well["webhook_id"], clock.now())
        async with sender(world, clock) as sends:
            # The disabled one's end without a request; the silent one's fill its share.
            receiver.answers = [answer_late] * AT_ONCE_EACH
            begun = await sends.begin()

            async def are_ended() -> bool:
                return {one["state"] for one in await deliveries(client, well)} == {"failed"}

            await until(are_ended, "those of the disabled one to end")
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
