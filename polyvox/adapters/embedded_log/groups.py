"""Consumer groups: membership, generations, ownership, committed offsets.

Rebalances are eager. Any change of membership starts a generation; every member gives back what it
owns and says that it is ready; when the last one is ready (or has expired), the partitions are dealt
anew. A partition therefore never has two owners. ``owners`` is the truth that commits are checked
against: a row goes when its owner gives it back, expires or is replaced.

A member is a name with a session. A new session under the same name replaces the old one at once;
in a settled group it takes over the very partitions, and nobody else notices.

Every function but ``status``, ``owned``, ``committed`` and ``lag`` runs inside the caller's write
transaction, so that the clock it was given is read in the order of the transactions.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from polyvox.adapters.embedded_log import records
from polyvox.adapters.embedded_log.assignment import assign
from polyvox.errors import Fenced
from polyvox.ports import TopicPartition

REBALANCE_TIMEOUT_S = 300.0
"""A live member that does not give its partitions back for so long is put out of the group
(Kafka's default for ``max.poll.interval.ms``)."""


@dataclass(frozen=True, slots=True)
class Session:
    """One life of one member."""

    group: str
    member: str
    id: str


@dataclass(frozen=True, slots=True)
class Status:
    """What a member needs to know about its group."""

    generation: int
    settled: bool
    """The partitions of this generation are dealt."""
    known: bool
    """The session is still a member."""
    replaced: bool
    """A newer session has the member's name."""


def join(
    connection: sqlite3.Connection,
    session: Session,
    topics: Iterable[str],
    session_timeout_s: float,
    now_s: float,
) -> int:
    """Become a member; returns the generation to start from.

    The generation is the settled one when the session takes over from a namesake, otherwise a new
    one for which the member counts as ready, since it owns nothing.
    """
    subscribed = json.dumps(sorted(set(topics)))
    connection.execute("INSERT OR IGNORE INTO groups VALUES (?, 0, NULL)", (session.group,))
    expire(connection, session.group, now_s)
    namesake = connection.execute(
        'SELECT topics FROM members WHERE "group" = ? AND member = ?', (session.group, session.member)
    ).fetchone()
    now = status(connection, session)
    if namesake == (subscribed,) and now.settled:
        generation = now.generation
    else:
        _remove(connection, session.group, [session.member])
        generation = _start_rebalance(connection, session.group, now_s)
    connection.execute(
        "INSERT OR REPLACE INTO members VALUES (?, ?, ?, ?, ?, ?, ?)",
        (session.group, session.member, session.id, subscribed, session_timeout_s, now_s, generation),
    )
    _deal_if_ready(connection, session.group)
    return generation


def leave(connection: sqlite3.Connection, session: Session, now_s: float) -> None:
    """Go, and let the others have the partitions; nothing happens if the session is gone already."""
    if status(connection, session).known:
        _remove(connection, session.group, [session.member])
        _start_rebalance(connection, session.group, now_s)
        _deal_if_ready(connection, session.group)


def give_back(connection: sqlite3.Connection, session: Session) -> int | None:
    """Own nothing any more and be ready for the group's generation, which is returned.

    None when the session is no longer a member.
    """
    now = status(connection, session)
    if not now.known:
        return None
    connection.execute('DELETE FROM owners WHERE "group" = ? AND member = ?', (session.group, session.member))
    connection.execute(
        'UPDATE members SET ready_generation = ? WHERE "group" = ? AND member = ?',
        (now.generation, session.group, session.member),
    )
    _deal_if_ready(connection, session.group)
    return now.generation


def heartbeat(connection: sqlite3.Connection, sessions: Iterable[Session], now_s: float) -> None:
    connection.executemany(
        'UPDATE members SET seen_s = ? WHERE "group" = ? AND member = ? AND session = ?',
        [(now_s, session.group, session.member, session.id) for session in sessions],
    )


def expire(connection: sqlite3.Connection, group: str, now_s: float) -> None:
    """Put out members that fell silent, and those that keep a rebalance from ending."""
    # A time in the future was written before the machine last started.
    gone = connection.execute(
        'SELECT member FROM members WHERE "group" = ? AND abs(? - seen_s) > session_timeout_s', (group, now_s)
    ).fetchall()
    stuck = connection.execute(
        'SELECT member FROM members JOIN groups ON "group" = name'
        " WHERE name = ? AND ready_generation < generation AND abs(? - rebalance_started_s) > ?",
        (group, now_s, REBALANCE_TIMEOUT_S),
    ).fetchall()
    if gone or stuck:
        _remove(connection, group, [member for (member,) in gone + stuck])
        _start_rebalance(connection, group, now_s)
        _deal_if_ready(connection, group)


def topics_created(connection: sqlite3.Connection, topics: Sequence[str], now_s: float) -> None:
    """Deal again where a member waits for one of these topics."""
    waiting = {
        group
        for group, subscribed in connection.execute('SELECT "group", topics FROM members').fetchall()
        if not set(topics).isdisjoint(json.loads(subscribed))
    }
    for group in sorted(waiting):
        _start_rebalance(connection, group, now_s)


def status(connection: sqlite3.Connection, session: Session) -> Status:
    row = connection.execute(
        "SELECT generation, rebalance_started_s IS NULL, session FROM groups"
        ' LEFT JOIN members ON "group" = name AND member = ? WHERE name = ?',
        (session.member, session.group),
    ).fetchone()
    if row is None:
        return Status(0, settled=False, known=False, replaced=False)
    generation, settled, found = row
    return Status(
        generation, bool(settled), known=found == session.id, replaced=found is not None and found != session.id
    )


def owned(connection: sqlite3.Connection, session: Session, generation: int) -> dict[TopicPartition, int | None]:
    """The member's partitions in ``generation`` with their committed offsets."""
    rows = connection.execute(
        "SELECT owners.topic, owners.partition, next_offset FROM owners"
        ' LEFT JOIN commits USING ("group", topic, partition)'
        ' WHERE owners."group" = ? AND member = ? AND generation = ?',
        (session.group, session.member, generation),
    )
    return {TopicPartition(topic, partition): offset for topic, partition, offset in rows}


def commit(
    connection: sqlite3.Connection, session: Session, generation: int, offsets: Mapping[TopicPartition, int]
) -> None:
    """Store all offsets. Raises Fenced, and stores none, when one partition is not the session's."""
    now = status(connection, session)
    mine = owned(connection, session, generation) if now.known else {}
    lost = sorted(partition for partition in offsets if partition not in mine)
    if lost:
        names = ", ".join(f"{topic}/{partition}" for topic, partition in lost)
        raise Fenced(f"{session.member} no longer owns {names} in group {session.group}")
    connection.executemany(
        "INSERT OR REPLACE INTO commits VALUES (?, ?, ?, ?)",
        [(session.group, topic, partition, offset) for (topic, partition), offset in offsets.items()],
    )


def committed(connection: sqlite3.Connection, group: str, partition: TopicPartition) -> int | None:
    row = connection.execute(
        'SELECT next_offset FROM commits WHERE "group" = ? AND topic = ? AND partition = ?', (group, *partition)
    ).fetchone()
    return None if row is None else int(row[0])


def lag(connection: sqlite3.Connection, group: str, topics: Iterable[str]) -> dict[TopicPartition, int]:
    """Records kept and not committed."""
    return {
        partition: end - min(end, max(first, committed(connection, group, partition) or 0))
        for topic in topics
        for partition, (first, end) in records.bounds(connection, topic).items()
    }


def _remove(connection: sqlite3.Connection, group: str, members: Iterable[str]) -> None:
    rows = [(group, member) for member in members]
    connection.executemany('DELETE FROM owners WHERE "group" = ? AND member = ?', rows)
    connection.executemany('DELETE FROM members WHERE "group" = ? AND member = ?', rows)


def _start_rebalance(connection: sqlite3.Connection, group: str, now_s: float) -> int:
    ((generation,),) = connection.execute(
        "UPDATE groups SET generation = generation + 1, rebalance_started_s = ? WHERE name = ? RETURNING generation",
        (now_s, group),
    ).fetchall()
    return int(generation)


def _deal_if_ready(connection: sqlite3.Connection, group: str) -> None:
    """Deal the partitions when every member has given back what it owned."""
    generation, settled = connection.execute(
        "SELECT generation, rebalance_started_s IS NULL FROM groups WHERE name = ?", (group,)
    ).fetchone()
    members = connection.execute(
        'SELECT member, topics, ready_generation FROM members WHERE "group" = ?', (group,)
    ).fetchall()
    if settled or any(ready != generation for _, _, ready in members):
        return
    subscriptions = {member: frozenset(json.loads(topics)) for member, topics, _ in members}
    wanted = sorted(set().union(*subscriptions.values()))
    partitions = [partition for topic in wanted for partition in records.bounds(connection, topic)]
    connection.executemany(
        "INSERT INTO owners VALUES (?, ?, ?, ?, ?)",
        [(group, *partition, member, generation) for partition, member in assign(subscriptions, partitions).items()],
    )
    connection.execute("UPDATE groups SET rebalance_started_s = NULL WHERE name = ?", (group,))
