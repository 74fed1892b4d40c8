"""Mutants through the decoder as the product starts it: a process of its own, bounded and confined."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ingest.decode.process import decode_in_child, nursery
from polyvox.audio import decode_flac
from polyvox.child.nursery import Nursery
from polyvox.errors import Invalid
from polyvox.settings import Settings
from tests.mutation.mutants import Mutant, mutants

AT_ONCE = 2
TIMEOUT_S = 20.0


@dataclass(slots=True)
class Account:
    """``outcomes`` counts codes of refusals, and ``decoded``; ``wrong`` says what should never be, by mutant."""

    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: dict[str, str] = field(default_factory=dict)


async def decode_mutants(recordings: Sequence[Path], *, seed: int, each: int, keep: Path | None = None) -> Account:
    """Decode ``each`` mutants of every recording.

    Args:
        keep: a folder for those mutants that went wrong.
    """
    account = Account()
    gate = asyncio.Semaphore(AT_ONCE)
    decoders = nursery()

    async def one(name: str, mutant: Mutant) -> None:
        async with gate:
            with tempfile.TemporaryDirectory() as folder:
                source = Path(folder) / "recording"
                source.write_bytes(mutant.content)
                try:
                    said = await _decoded(source, decoders)
                except Exception as error:
                    # Whatever else it is, is what is looked for.
                    account.wrong[name] = f"{type(error).__name__}: {error}"
                    if keep is not None:
                        (keep / name).write_bytes(mutant.content)
                    return
        account.outcomes[said] += 1

    try:
        for number, path in enumerate(recordings):
            damaged = mutants(path.read_bytes(), seed=seed + number, count=each)
            names = [(f"{path.stem}-{seed}-{index}-{mutant.how}", mutant) for index, mutant in enumerate(damaged)]
            await asyncio.gather(*[one(name, mutant) for name, mutant in names])
    finally:
        await decoders.close()
    return account


async def _decoded(source: Path, decoders: Nursery) -> str:
    target = source.with_suffix(".flac")
    settings = Settings(decode_timeout_s=TIMEOUT_S, data_dir=source.parent)
    try:
        account = await decode_in_child(source, target, settings, decoders)
    except Invalid as refused:
        assert refused.reason.endswith("."), f"no sentence: {refused.reason}"
        assert refused.code != "decode-too-slow", refused.reason
        return refused.code
    samples = await asyncio.to_thread(lambda: decode_flac(target.read_bytes()))
    assert samples.size == account.samples, f"{samples.size} samples, not {account.samples}"
    assert account.parts[-1].end_sample == account.samples
    return "decoded"
