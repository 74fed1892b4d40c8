"""The group protocol on a bare connection, with the time given as a number."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from polyvox.adapters.embedded_log import groups, records
from polyvox.adapters.embedded_log.groups import REBALANCE_TIMEOUT_S, Session
from polyvox.adapters.embedded_log.schema import connect
from polyvox.errors import Fenced
from polyvox.ports import TopicConfig, TopicPartition

A, B = Session("g", "a", "a1"), Session("g", "b", "b1")
FIRST = TopicPartition("t", 0)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect(tmp_path)) as connection:
        records.ensure_topics(connection, [TopicConfig("t", 2)])
        yield connection


def join(connection: sqlite3.Connection, session: Session, now_s: float, timeout_s: float = 10.0) -> int:
    return groups.join(connection, session, ["t"], timeout_s, now_s)


def test_the_only_member_owns_everything_at_once(connection: sqlite3.Connection) -> None:
    generation = join(connection, A, 0.0)
    assert set(groups.owned(connection, A, generation)) == {FIRST, TopicPartition("t", 1)}
    assert groups.status(connection, A).settled


def test_nothing_is_dealt_until_the_owner_gives_back(connection: sqlite3.Connection) -> None:
    old = join(connection, A, 0.0)
    new = join(connection, B, 1.0)
    assert new == old + 1
    assert not groups.status(connection, B).settled
    groups.commit(connection, A, old, {FIRST: 3})
    assert groups.give_back(connection, A) == new
    with pytest.raises(Fenced):
        groups.commit(connection, A, old, {FIRST: 4})
    mine, theirs = groups.owned(connection, A, new), groups.owned(connection, B, new)
    assert len(mine) == len(theirs) == 1
    assert {**mine, **theirs}[FIRST] == 3


def test_a_commit_of_an_older_generation_is_fenced(connection: sqlite3.Connection) -> None:
    old = join(connection, A, 0.0)
    join(connection, B, 1.0)
    new = groups.give_back(connection, A)
    assert new is not None
    (kept,) = groups.owned(connection, A, new)
    with pytest.raises(Fenced):
        groups.commit(connection, A, old, {kept: 1})
    groups.commit(connection, A, new, {kept: 1})


def test_a_commit_with_one_foreign_partition_stores_nothing(connection: sqlite3.Connection) -> None:
    generation = join(connection, A, 0.0)
    with pytest.raises(Fenced, match="elsewhere/0"):
        groups.commit(connection, A, generation, {FIRST: 1, TopicPartition("elsewhere", 0): 1})
    assert groups.committed(connection, "g", FIRST) is None


def test_a_silent_member_is_put_out_after_its_session(connection: sqlite3.Connection) -> None:
    old = join(connection, A, 0.0, timeout_s=10.0)
    join(connection, B, 1.0, timeout_s=60.0)
    groups.heartbeat(connection, [A], 5.0)
    groups.expire(connection, "g", 15.0)
    assert groups.status(connection, A).known
    groups.expire(connection, "g", 15.1)
    assert not groups.status(connection, A).known
    assert len(groups.owned(connection, B, groups.status(connection, B).generation)) == 0
    # The newcomer has to hear of the newest generation before it is dealt.
    assert groups.give_back(connection, B) == groups.status(connection, B).generation
    assert len(groups.owned(connection, B, groups.status(connection, B).generation)) == 2
    with pytest.raises(Fenced):
        groups.commit(connection, A, old, {FIRST: 1})
    assert groups.give_back(connection, A) is None


def test_a_time_from_before_a_restart_of_the_machine_counts_as_silence(connection: sqlite3.Connection) -> None:
    join(connection, A, 100_000.0)
    groups.expire(connection, "g", 5.0)
    assert not groups.status(connection, A).known


def test_a_member_that_never_gives_back_is_put_out_in_the_end(connection: sqlite3.Connection) -> None:
    join(connection, A, 0.0)
    join(connection, B, 1.0)
    for second in range(2, int(REBALANCE_TIMEOUT_S) + 1, 5):
        groups.heartbeat(connection, [A, B], float(second))
        groups.expire(connection, "g", float(second))
    assert groups.status(connection, A).known
    late_s = REBALANCE_TIMEOUT_S + 1.5
    groups.heartbeat(connection, [A, B], late_s)
    groups.expire(connection, "g", late_s)
    assert not groups.status(connection, A).known
    # That began a rebalance of its own, with its own time.
    groups.expire(connection, "g", late_s + 1.0)
    assert groups.status(connection, B).known


def test_a_namesake_takes_over_without_a_new_generation(connection: sqlite3.Connection) -> None:
    old = join(connection, A, 0.0)
    heir = Session("g", "a", "a2")
    assert join(connection, heir, 1.0) == old
    assert groups.status(connection, A).replaced
    assert len(groups.owned(connection, heir, old)) == 2
    with pytest.raises(Fenced):
        groups.commit(connection, A, old, {FIRST: 1})
    groups.commit(connection, heir, old, {FIRST: 1})
    groups.leave(connection, A, 2.0)
    assert groups.status(connection, heir).known


def test_a_namesake_with_other_topics_deals_again(connection: sqlite3.Connection) -> None:
    records.ensure_topics(connection, [TopicConfig("u", 1)])
    old = join(connection, A, 0.0)
    heir = Session("g", "a", "a2")
    new = groups.join(connection, heir, ["t", "u"], 10.0, 1.0)
    assert new == old + 1
    assert len(groups.owned(connection, heir, new)) == 3


def test_a_namesake_in_the_middle_of_a_rebalance_frees_what_the_dead_one_held(connection: sqlite3.Connection) -> None:
    join(connection, A, 0.0)
    join(connection, B, 1.0)
    heir = Session("g", "a", "a2")
    join(connection, heir, 2.0)
    assert not groups.status(connection, B).settled
    newest = groups.give_back(connection, B)
    assert newest is not None
    assert groups.status(connection, heir) == groups.Status(newest, settled=True, known=True, replaced=False)
    assert len(groups.owned(connection, heir, newest)) == len(groups.owned(connection, B, newest)) == 1
