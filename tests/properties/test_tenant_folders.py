"""Properties of where the objects of tenants lie."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from polyvox import keys
from polyvox.tenants import TENANT_CHARS, is_name

TENANTS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=TENANT_CHARS)
MEDIA_ID = "01a20061-cb99-7ac1-92bb-53c774f70321"
OBJECTS = st.sampled_from(
    [
        keys.original(MEDIA_ID),
        keys.audio(MEDIA_ID),
        keys.words(MEDIA_ID, 3, "0f" * 6),
        keys.heard(MEDIA_ID, "0f" * 6, 1),
        keys.result(MEDIA_ID, 2),
    ]
)


@given(TENANTS, OBJECTS)
def test_every_tenant_but_the_default_one_has_one_folder_of_its_own(tenant: str, key: str) -> None:
    assert is_name(tenant)
    placed = keys.of_tenant(tenant, key)
    if tenant == "default":
        assert placed == key
        return
    folder = placed.removeprefix(keys.TENANTS).removesuffix(f"/{key}")
    assert placed == f"{keys.TENANTS}{folder}/{key}"
    assert "/" not in folder
    assert not folder.startswith(".")
    # AWS takes no longer keys.
    assert len(placed.encode()) <= 1024


@given(TENANTS, TENANTS)
def test_no_two_tenants_share_a_folder(one: str, other: str) -> None:
    prefixes = [keys.of_tenant(tenant, keys.media_prefix(MEDIA_ID)) for tenant in (one, other)]
    assert (prefixes[0] == prefixes[1]) is (one == other)


@given(TENANTS, OBJECTS, OBJECTS)
def test_what_is_made_lies_where_it_was_made_from(tenant: str, source: str, made: str) -> None:
    assert keys.beside(keys.of_tenant(tenant, source), made) == keys.of_tenant(tenant, made)
    assert keys.beside(source, made) == made
    # What lies in somebody's bucket says nothing of where ours goes.
    assert keys.beside("calls/2026/talk.wav", made) == made


@given(TENANTS, OBJECTS)
def test_a_recording_s_folders_hold_all_of_it_wherever_it_lies(tenant: str, key: str) -> None:
    folders = keys.folders(MEDIA_ID, tenant)
    assert key.startswith(folders[-1])
    assert keys.of_tenant(tenant, key).startswith(folders[0])
    assert keys.is_sound(MEDIA_ID, key) == keys.is_sound(MEDIA_ID, keys.of_tenant(tenant, key))
