"""Settings of a command: the environment, and what options say instead."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from polyvox.cli.packages import require_server
from polyvox.errors import Invalid
from polyvox.settings import Settings


def settings(**given: Any) -> Settings:
    """Settings from the environment; values in ``given`` go first where they are not None.

    Raises:
        Invalid: a value is not valid; the text names the variable.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        said = [f"POLYVOX_{'.'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in error.errors()]
        raise Invalid("; ".join(said), code="bad-setting") from error


def state_folder() -> Path:
    """Where commands remember what they will go on with (XDG Base Directory Specification)."""
    named = os.environ.get("XDG_STATE_HOME", "")
    return (Path(named) if Path(named).is_absolute() else Path.home() / ".local" / "state") / "polyvox"


def existing_data(**given: Any) -> Settings:
    """Settings of a command that looks into the data of a server: a folder, or what Kafka keeps.

    Raises:
        Invalid: a value is not valid, or there is no data folder.
        Fatal: packages for that are not installed.
    """
    require_server()
    found = settings(**given)
    if found.kafka_bootstrap is None and not found.log_path.exists():
        raise Invalid(f"there is no data in {found.data_dir}; name the folder of `polyvox up` with --data")
    return found
