"""Properties of the folder store's file names."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from polyvox.adapters.filesystem import names

PARTS = st.one_of(
    st.text(st.sampled_from("aA./=+%é\x00"), min_size=1, max_size=12),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80),
    st.text(st.sampled_from("a.Z"), min_size=150, max_size=450),
)


def key_of(path: str) -> bytes:
    """The key back from its path, by the rules that the module's documentation states."""
    key = b""
    *folders, last = path.split("/")
    assert last.endswith(names.OBJECT)
    for name in folders:
        if name.endswith(names.CONTINUED):
            key += names.name_bytes(name[:-1])
        else:
            key += names.name_bytes(name) + b"/"
    return key + names.name_bytes(last[:-1])


@given(PARTS)
def test_every_key_comes_back_from_its_path(key: str) -> None:
    assert key_of(names.object_path(key.encode())) == key.encode()


@given(PARTS)
def test_every_file_name_is_safe_everywhere(key: str) -> None:
    for name in names.object_path(key.encode()).split("/"):
        assert 0 < len(name) <= 255
        assert not name.startswith(".")
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_.%=+")


@given(PARTS, PARTS)
def test_an_object_is_never_in_the_way_of_a_folder(one: str, two: str) -> None:
    """No object's file name is a folder of another key's path."""
    path, other = (names.object_path(key.encode()).split("/") for key in (one, two))
    assert one == two or path != other[: len(path)]


@given(PARTS, PARTS)
def test_a_prefix_leads_to_the_folder_that_holds_its_keys(prefix: str, rest: str) -> None:
    head, path = names.folder_path(prefix.encode())
    assert prefix.encode().startswith(head)
    assert not head or head.endswith(b"/")
    key = (prefix + rest).encode()
    assert names.object_path(key).startswith(path + "/" if head else "")
