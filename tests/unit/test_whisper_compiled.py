"""Compiled kernels are kept, and never beside those of another version."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from numba import config

from transcriber.engines.whisper import compiled, encoder_kernels, integers
from transcriber.engines.whisper.compiled import digest, kernel


def successor(x: np.float32) -> np.float32:
    return x + np.float32(1)


def test_any_change_of_any_kernel_has_all_of_them_compiled_again(tmp_path: Path) -> None:
    (tmp_path / "inner.py").write_text("import numba\n")
    (tmp_path / "outer.py").write_text("import numba  # calls inner\n")
    (tmp_path / "engine.py").write_text("no kernel\n")
    before = digest(tmp_path)
    (tmp_path / "engine.py").write_text("changed\n")
    assert digest(tmp_path) == before
    (tmp_path / "inner.py").write_text("import numba  # changed\n")
    assert digest(tmp_path) != before


def test_kernels_are_kept_under_what_they_are_compiled_from() -> None:
    name = f"kernels-{digest(Path(compiled.__file__).parent)}"
    for one in (integers.gelu, encoder_kernels.attend):
        assert name in Path(one.stats.cache_path).parts


def test_where_others_keep_what_they_compile_stays_as_it_is() -> None:
    before = config.CACHE_DIR
    assert kernel()(successor)(np.float32(1)) == 2
    assert before == config.CACHE_DIR


ENCODE = """
import hashlib
import torch
from whisper.model import ResidualAttentionBlock
from transcriber.engines.whisper.integer_blocks import IntegerBlocks
torch.manual_seed(1)
blocks = torch.nn.ModuleList([ResidualAttentionBlock(256, 4) for _ in range(2)])
with torch.inference_mode():
    print(hashlib.sha256(IntegerBlocks(blocks, 4)(torch.randn(1500, 256)).numpy().tobytes()).hexdigest())
"""


def test_what_was_just_compiled_computes_what_is_fetched_later(tmp_path: Path) -> None:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", ENCODE]
    first, second = (subprocess.check_output(command, env=environment, text=True) for _ in range(2))
    assert first == second
    assert list(tmp_path.rglob("*.nbc"))
