"""Keys on the command line, and a server that asks for them, each as a process of its own."""

from __future__ import annotations

import json
import os
from pathlib import Path

from polyvox.access.secret import PATTERN
from tests.support.command import polyvox


def test_keys_are_made_listed_and_revoked_on_the_data_itself(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    made = polyvox(
        "keys", "create", "front office", "--tenant", "acme", "--scope", "upload", "--data", data, cwd=tmp_path
    )
    assert made.status == 0, made.err
    text = made.out.strip()
    assert PATTERN.fullmatch(text)
    assert "not shown again" in made.err
    shown = polyvox("keys", "list", "--json", "--data", data, cwd=tmp_path).out
    (listed,) = map(json.loads, shown.splitlines())
    assert (listed["name"], listed["tenant"], listed["scopes"]) == ("front office", "acme", ["upload"])
    assert text[-64:] not in "".join(path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file())
    assert "revoked" in polyvox("keys", "revoke", listed["key_id"], "--data", data, cwd=tmp_path).out
    assert "revoked" in polyvox("keys", "list", "--data", data, cwd=tmp_path).out


def test_a_key_from_elsewhere_is_made_known_once(tmp_path: Path) -> None:
    text = polyvox("keys", "new", cwd=tmp_path).out.strip()
    create = (
        "keys",
        "create",
        "first",
        "--all-tenants",
        "--scope",
        "admin",
        "--given",
        "--data",
        str(tmp_path / "data"),
    )
    for said in ("all tenants, admin", "is there"):
        done = polyvox(*create, cwd=tmp_path, POLYVOX_API_KEY=text)
        assert (done.status, done.out) == (0, "")
        assert said in done.err
    other = text[:20] + "_" + "0" * 64
    assert "another key of that id" in polyvox(*create, cwd=tmp_path, POLYVOX_API_KEY=other).err
    assert "this is no key" in polyvox(*create, cwd=tmp_path, POLYVOX_API_KEY="secret").err


def test_a_server_for_others_refuses_to_start_without_a_key_and_says_how_to_make_one(tmp_path: Path) -> None:
    refused = polyvox("up", "--host", "0.0.0.0", "--data", str(tmp_path / "data"), cwd=tmp_path, within_s=60)
    assert refused.status == 1
    assert "polyvox keys create" in refused.err
    one = polyvox("run", "results-api", cwd=tmp_path, POLYVOX_DATA_DIR=str(tmp_path / "data"), POLYVOX_HOST="0.0.0.0")
    assert one.status == 1
    assert "polyvox keys create" in one.err


def test_the_key_of_the_environment_or_of_an_option_goes_to_the_server(tmp_path: Path) -> None:
    assert "POLYVOX_API_KEY" not in os.environ
    by_option = polyvox("search", "words", "--api-key", "a\nb", cwd=tmp_path)
    by_environment = polyvox("search", "words", cwd=tmp_path, POLYVOX_API_KEY="ü")
    for refused in (by_option, by_environment):
        assert refused.status == 1
        assert "the key is none" in refused.err
