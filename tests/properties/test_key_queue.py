"""Work of one key is handed out in order and never twice at a time; nothing is lost or starved."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from polyvox.worker.key_queue import KeyQueue

KEYS = st.sampled_from("abcd")


@given(st.lists(st.one_of(KEYS.map(lambda key: ("put", key)), st.just(("take", "")), st.just(("release", "")))))
def test_one_of_a_key_at_a_time_in_order_and_nothing_lost(steps: list[tuple[str, str]]) -> None:
    queue: KeyQueue[tuple[str, int]] = KeyQueue()
    put: list[tuple[str, int]] = []
    taken: list[tuple[str, int]] = []
    held: list[str] = []
    for step, key in steps:
        if step == "put":
            put.append((key, len(put)))
            queue.put(key, put[-1])
        elif step == "take":
            item = queue.take()
            waiting = [waits for waits in put if waits not in taken]
            assert (item is None) == all(waits[0] in held for waits in waiting)
            if item is not None:
                assert item[0] not in held
                taken.append(item)
                held.append(item[0])
        elif held:
            queue.release(held.pop(0))
    while held or len(queue):
        if held:
            queue.release(held.pop(0))
        if (item := queue.take()) is not None:
            taken.append(item)
            held.append(item[0])
    assert sorted(taken) == sorted(put)
    for key in "abcd":
        assert [item for item in taken if item[0] == key] == [item for item in put if item[0] == key]


@given(st.lists(st.tuples(KEYS, st.booleans())), st.integers(0, 3))
def test_dropping_takes_out_just_what_is_unwanted(items: list[tuple[str, bool]], running: int) -> None:
    queue: KeyQueue[tuple[str, bool, int]] = KeyQueue()
    for number, (key, unwanted) in enumerate(items):
        queue.put(key, (key, unwanted, number))
    held = [item for _ in range(running) if (item := queue.take()) is not None]
    waiting = [(key, unwanted, n) for n, (key, unwanted) in enumerate(items) if (key, unwanted, n) not in held]
    assert sorted(queue.drop(lambda item: item[1])) == sorted(item for item in waiting if item[1])
    left = []
    for item in held:
        queue.release(item[0])
    while (item := queue.take()) is not None:
        left.append(item)
        queue.release(item[0])
    assert sorted(left) == sorted(item for item in waiting if not item[1])
