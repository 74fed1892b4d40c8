"""Fair turns: shares within their bound, nobody starved, keys in order and one at a time, nothing lost."""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from polyvox.contracts import Lane
from polyvox.worker.fair_queue import FairQueue
from polyvox.worker.share import Share

KEYS = st.sampled_from("abcd")
TENANTS = st.sampled_from(["one", "two", "three"])
LANES: st.SearchStrategy[Lane] = st.sampled_from(["interactive", "bulk"])
COSTS = st.floats(1.0, 600.0)
SHARES = st.builds(Share, LANES, TENANTS, COSTS)


@dataclass(frozen=True)
class Piece:
    number: int
    key: str
    share: Share


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("put"), KEYS, SHARES),
            st.tuples(st.sampled_from(["take", "release", "again"]), KEYS, st.just(Share())),
        )
    )
)
def test_one_of_a_key_at_a_time_in_order_and_nothing_lost(steps: list[tuple[str, str, Share]]) -> None:
    queue: FairQueue[Piece] = FairQueue()
    waiting: dict[str, list[Piece]] = defaultdict(list)
    held: dict[str, Piece] = {}
    put: list[Piece] = []
    done: list[Piece] = []

    def take() -> Piece | None:
        piece = queue.take()
        free = [pieces[0] for key, pieces in waiting.items() if pieces and key not in held]
        assert (piece is None) == (not free)
        if piece is not None:
            assert piece == waiting[piece.key].pop(0)
            assert piece.key not in held
            if piece.share.lane == "bulk":
                assert all(first.share.lane == "bulk" for first in free)
            held[piece.key] = piece
        return piece

    for step, key, share in steps:
        if step == "put":
            piece = Piece(len(put), key, share)
            put.append(piece)
            waiting[key].append(piece)
            queue.put(key, piece, share)
        elif step == "take":
            take()
        elif key in held and step == "release":
            done.append(held.pop(key))
            queue.release(key)
        elif key in held:
            waiting[key].insert(0, held.pop(key))
            queue.again(key)
        assert len(queue) == sum(map(len, waiting.values()))
    while held or len(queue):
        for key in list(held):
            done.append(held.pop(key))
            queue.release(key)
        take()
    assert sorted(done, key=lambda piece: piece.number) == put
    for key in "abcd":
        assert [piece for piece in done if piece.key == key] == [piece for piece in put if piece.key == key]


@given(st.lists(st.lists(COSTS, min_size=1, max_size=30), min_size=2, max_size=5), st.integers(1, 8))
def test_what_two_tenants_get_while_both_wait_differs_by_at_most_one_piece_of_each(
    work: list[list[float]], places: int
) -> None:
    queue: FairQueue[tuple[int, float]] = FairQueue()
    left = {tenant: len(costs) for tenant, costs in enumerate(work)}
    for tenant, costs in enumerate(work):
        for number, cost in enumerate(costs):
            queue.put(f"{tenant}-{number}", (tenant, cost), Share("bulk", str(tenant), cost))
    most = {tenant: max(costs) for tenant, costs in enumerate(work)}
    got = dict.fromkeys(left, 0.0)
    running: list[str] = []
    while (item := queue.take()) is not None:
        tenant, cost = item
        waited = [other for other, count in left.items() if count]
        number = len(work[tenant]) - left[tenant]
        running.append(f"{tenant}-{number}")
        got[tenant] += cost
        left[tenant] -= 1
        for one, other in itertools.combinations(waited, 2):
            assert abs(got[one] - got[other]) <= most[one] + most[other] + 1e-6
        if len(running) > places:
            queue.release(running.pop(0))
    assert not any(left.values())


@given(st.lists(COSTS, min_size=1, max_size=50), COSTS, st.integers(0, 49))
def test_a_newcomer_waits_for_no_more_than_one_piece_of_each_tenant_before_it(
    flood: list[float], cost: float, after: int
) -> None:
    queue: FairQueue[str] = FairQueue()
    for number, flooded in enumerate(flood):
        queue.put(f"flood-{number}", "flood", Share("bulk", "flood", flooded))
    for _ in range(min(after, len(flood))):
        queue.take()
    left = len(queue)
    queue.put("new", "new", Share("bulk", "new", cost))
    before = list(itertools.takewhile(lambda item: item != "new", iter(queue.take, None)))
    assert len(before) <= min(1, left)


@given(COSTS, st.integers(1, 40), st.integers(1, 40))
def test_who_idles_saves_nothing_up_and_owes_nothing(cost: float, alone: int, together: int) -> None:
    """One tenant works alone for long; then another comes, and they take turns from there."""
    queue: FairQueue[str] = FairQueue()
    count = 0

    def put(tenant: str) -> None:
        nonlocal count
        count += 1
        queue.put(f"key-{count}", tenant, Share("bulk", tenant, cost))

    put("early")
    for _ in range(alone):
        put("early")
        assert queue.take() == "early"
    for _ in range(together):
        put("late")
        put("early")
    turns = [queue.take() for _ in range(2 * together)]
    for start in range(0, len(turns) - 1, 2):
        assert sorted(filter(None, turns[start : start + 2])) == ["early", "late"]


def test_a_second_attempt_comes_before_what_came_later_of_its_tenant_but_not_before_interactive_work() -> None:
    queue: FairQueue[str] = FairQueue()
    for name in ("first", "second", "third"):
        queue.put(name, name, Share("bulk", "one", 5.0))
    assert queue.take() == "first"
    assert queue.take() == "second"
    queue.again("first")
    queue.put("call", "call", Share("interactive", "two", 500.0))
    assert [queue.take() for _ in range(4)] == ["call", "first", "third", None]


@given(st.lists(st.tuples(KEYS, st.booleans(), SHARES)), st.integers(0, 3))
def test_dropping_takes_out_just_what_is_unwanted(items: list[tuple[str, bool, Share]], running: int) -> None:
    queue: FairQueue[tuple[str, bool, int]] = FairQueue()
    for number, (key, unwanted, share) in enumerate(items):
        queue.put(key, (key, unwanted, number), share)
    held = [item for _ in range(running) if (item := queue.take()) is not None]
    waiting = [(key, unwanted, n) for n, (key, unwanted, _) in enumerate(items) if (key, unwanted, n) not in held]
    assert sorted(queue.drop(lambda item: item[1])) == sorted(item for item in waiting if item[1])
    left = []
    for item in held:
        queue.release(item[0])
    while (item := queue.take()) is not None:
        left.append(item)
        queue.release(item[0])
    assert sorted(left) == sorted(item for item in waiting if not item[1])


def test_tenants_without_number_are_not_remembered_for_ever() -> None:
    queue: FairQueue[str] = FairQueue()
    for number in range(10_000):
        queue.put(f"key-{number}", "x", Share("bulk", f"tenant-{number}", 1.0))
        for name in (f"stays-{number}", f"goes-on-{number}"):
            queue.put(name, name, Share("bulk", "stays", 1.0))
        queue.take()
        queue.take()
    assert len(queue._lanes["bulk"]._tenants) < 2000
