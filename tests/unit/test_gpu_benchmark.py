"""benchmarks.gpu takes its whole path on a CPU with a small model; the limits it names follow from the dimensions."""

from __future__ import annotations

from argparse import Namespace

import pytest

from benchmarks.gpu import SIZES, TOKENS, measured, report
from benchmarks.gpu_limits import known, work

pytestmark = pytest.mark.filterwarnings("ignore:.*tiktoken:pytest.PytestUnraisableExceptionWarning")


def test_a_window_of_the_large_models_is_as_much_work_as_is_known_of_them() -> None:
    large, turbo = (work(vars(SIZES[size]), tokens=TOKENS) for size in ("large-v3", "large-v3-turbo"))
    assert large.encoder_flop == pytest.approx(2.27e12 + 32 * 4 * 1280**2 * 1500, rel=0.01)
    assert large.heard_bytes == pytest.approx(246e6, rel=0.01)
    assert turbo.heard_bytes == pytest.approx(31e6, rel=0.02)
    device = known("NVIDIA H200")
    assert device is not None
    encoder_s, decoder_s = large.seconds(device, tokens=TOKENS, rows=64)
    assert 29.5 / (encoder_s + decoder_s) > 1_700, "the aim is within what the device could do"
    assert known("no such device") is None


# openai-whisper says that it aligns without Triton's kernels.
@pytest.mark.filterwarnings("ignore:Failed to launch Triton kernels")
def test_the_whole_path_from_flac_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = Namespace(device="cpu", minutes=0.15, slow_minutes=0.05, rows=4, batch=2, transformers=None)
    found = measured("small-test", arguments)
    assert found["window_s"] == pytest.approx(3.0)
    assert set(found["speeds"]) >= {"polyvox", "openai-whisper"}
    assert found["errors"]["features"] < 1e-4
    assert found["errors"]["same likeliest token"] == 1.0
    assert {"mel and encoder", "decoder steps", "alignment"} <= set(found["stages"])
    report("small-test", found, 32)
    assert "| polyvox |" in capsys.readouterr().out
