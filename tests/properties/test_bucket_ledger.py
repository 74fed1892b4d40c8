"""Names in the ledger keep the order of the keys, and a listing beside it tells what was missed."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.bucket import names
from ingest.bucket.compare import Listed, Stale, compare
from ingest.bucket.found import Found
from ingest.bucket.held import Held
from ingest.bucket.pace import DUTY, pause_s
from polyvox.adapters.object_keys import is_portable
from polyvox.ports import ObjectInfo

START = datetime(2026, 3, 1, tzinfo=UTC)
part = st.text(st.sampled_from('abz09 !"#$%&()+,-.;=@_~äß会🎙\x01'), min_size=1, max_size=12)
nice_part = part.filter(lambda text: text not in (".", ".."))
keys = st.lists(nice_part, min_size=1, max_size=4).map("/".join)
any_keys = st.lists(st.one_of(part, st.sampled_from(["", ".", "..", "x" * 300, "会" * 300])), min_size=1).map("/".join)
etags = st.sampled_from(["e1", "e2"])


def by_bytes(texts: Iterable[str]) -> list[str]:
    return sorted(texts, key=str.encode)


@given(st.lists(keys, unique=True, max_size=30))
def test_entries_lie_in_the_order_of_the_keys(found: list[str]) -> None:
    entries = [names.ledger_key("b", key, "0" * 12, "id") for key in by_bytes(found)]
    assert entries == by_bytes(entries)
    assert len(set(entries)) == len(found)


@given(any_keys.filter(lambda key: 0 < len(key.encode()) <= 1024))
def test_any_store_takes_the_entry_of_any_key(key: str) -> None:
    media_id = names.media_id_of("b", key, "v")
    entry = names.ledger_key("b" * 63, key, names.hint_of(key, "e"), media_id)
    assert is_portable(entry)
    assert len(entry.encode()) <= 900
    parsed = names.parse_ledger_key("b" * 63, entry)
    assert parsed == names.Entry(names.ordered(key), names.hint_of(key, "e"), media_id)


@given(any_keys.filter(lambda key: 0 < len(key.encode()) <= 1024), st.data())
def test_the_entries_of_a_prefix_are_under_its_own(key: str, data: st.DataObject) -> None:
    prefix = key[: data.draw(st.integers(0, len(key)))]
    entry = names.ledger_key("calls", key, names.hint_of(key, "e"), "id")
    assert entry.startswith(names.ledger_prefix("calls", prefix))


def test_a_listing_of_the_ledger_is_as_narrow_as_that_of_the_bucket() -> None:
    assert names.ledger_prefix("calls") == "bucket/taken/calls/"
    assert names.ledger_prefix("calls", "in/2026 03/") == "bucket/taken/calls/in/2026$P03/"
    assert names.ledger_prefix("calls", "in/a") == "bucket/taken/calls/in/a"


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(keys, st.tuples(etags, st.booleans()), max_size=12),
    st.dictionaries(keys, st.tuples(etags, st.booleans()), max_size=12),
    st.data(),
)
async def test_what_is_not_in_the_ledger_is_missed_and_nothing_else(
    there: dict[str, tuple[str, bool]], other: dict[str, tuple[str, bool]], data: st.DataObject
) -> None:
    """Some objects were taken, some entries are of objects that are gone or were replaced."""
    taken = {key for key in there if data.draw(st.booleans())}
    noted = [(key, *there[key]) for key in taken] + [
        (key, f"old-{etag}", versioned) for key, (etag, versioned) in other.items()
    ]
    ledger = {
        names.ledger_key("b", key, hint(key, etag, versioned), str(uuid.uuid4())): key for key, etag, versioned in noted
    }
    seen, stale = [], []
    async for item in compare("b", listing({key: etag for key, (etag, _) in there.items()}), listing(ledger)):
        if isinstance(item, Listed):
            seen.append((item.info.key, item.is_taken))
        else:
            assert isinstance(item, Stale)
            stale.append(ledger[item.info.key])
    assert seen == [(key, key in taken) for key in by_bytes(there)]
    assert sorted(stale) == sorted(other)


def hint(key: str, etag: str, versioned: bool) -> str:
    return names.hint_of(key, etag, START + timedelta(seconds=0.7) if versioned else None)


async def listing(found: Iterable[str] | dict[str, str]) -> AsyncIterator[ObjectInfo]:
    etags = found if isinstance(found, dict) else {}
    for key in by_bytes(found):
        yield ObjectInfo(key, 1, etags.get(key, ""), START + timedelta(seconds=0.2))


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 50)), max_size=40), st.integers(1, 10))
def test_held_objects_come_back_oldest_first_and_tenants_in_turn(told: list[tuple[str, int]], limit: int) -> None:
    held = Held(limit)
    for tenant, age in told:
        held.add((tenant, "bulk"), Found("b", f"{tenant}{age}", START - timedelta(seconds=age), etag="e"))
    wanted = {tenant: sorted({age for who, age in told if who == tenant}, reverse=True)[:limit] for tenant in "ab"}
    overfull = {tenant for tenant in "ab" if len({age for who, age in told if who == tenant}) > limit}
    assert held.left_out == {(tenant, "bulk") for tenant in overfull}
    got: dict[str, list[int]] = {"a": [], "b": []}
    while popped := held.pop(lambda tenant, lane: True):
        assert len(popped) == sum(len(got[tenant]) < len(wanted[tenant]) for tenant in "ab")
        for (tenant, _), found in popped:
            got[tenant].append(int(found.key[1:]))
    assert got == wanted
    assert len(held) == 0


@given(st.integers(0, 5), st.floats(0, 5000), st.floats(0, 5000))
def test_a_sweep_is_never_more_than_a_tenth_of_the_time(found: int, took_s: float, last_s: float) -> None:
    pause = pause_s(found=found, took_s=took_s, last_s=last_s, every_s=30, at_most_s=900)
    assert pause >= max(30, took_s / DUTY)
    assert pause <= max(900, took_s / DUTY)
    if found:
        assert pause == max(30, took_s / DUTY)
