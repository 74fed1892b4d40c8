"""The command line as a person uses it: what it prints, what it writes, how it ends."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from click.shell_completion import ZshComplete
from click.testing import CliRunner

from polyvox.cli.__main__ import COMMANDS, cli
from polyvox.cli.demo import sample
from polyvox.topics import TOPICS
from tests.support.command import Running, polyvox
from tests.support.product import Product
from tests.support.uploads import wav

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("command", ["", *COMMANDS, "weights pull", "weights list", "weights verify"])
def test_every_command_explains_itself(command: str) -> None:
    result = CliRunner().invoke(cli, [*command.split(), "--help"], prog_name="polyvox")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(f"Usage: polyvox {command}".rstrip())


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("wat", ["watch"]),
        ("list --status f", ["failed"]),
        ("webhooks re", ["redeliver", "remove"]),
        ("upload --par", ["--parallel"]),
    ],
)
def test_a_shell_is_offered_words(words: str, offered: list[str]) -> None:
    *before, begun = words.split()
    found = ZshComplete(cli, {}, "polyvox", "_POLYVOX_COMPLETE").get_completions(before, begun)
    assert sorted(item.value for item in found) == offered


def test_a_shell_asks_the_command_itself(tmp_path: Path) -> None:
    asked = {"_POLYVOX_COMPLETE": "bash_complete", "COMP_WORDS": "polyvox wat", "COMP_CWORD": "1"}
    assert polyvox(cwd=tmp_path, **asked).out == "plain,watch\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(shell: str) -> None:
    result = CliRunner().invoke(cli, ["completion", shell], prog_name="polyvox")
    assert result.exit_code == 0
    assert f"_POLYVOX_COMPLETE={shell}_complete" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["bogus"], 2, "No such command 'bogus'"),
        (["transcribe"], 2, "Missing argument"),
        (["transcribe", "nothing.wav"], 1, "there is no file or folder nothing.wav"),
        (["transcribe", "."], 1, "has no audio or video files"),
        (["transcribe", "note.txt", "--format", "pdf"], 2, "'pdf' is not one of"),
        (["transcribe", "note.txt", "--speakers", "0"], 2, "not in the range"),
        (["transcribe", "note.txt", "--language", "klingonese"], 1, "language"),
        (["transcribe", "note.txt", "--server", "127.0.0.1:1"], 1, "is the server running?"),
        (["transcribe", "note.txt", "--server", "ftp://x"], 1, "not the address of a server"),
        (["transcribe", "note.txt", "--out", "note.txt/sub"], 1, "Not a directory"),
        (["weights", "pull", "nothing"], 1, "no weights named 'nothing'"),
        (["weights", "verify", "nothing"], 1, "no weights named 'nothing'"),
        (["topics", "--lag"], 1, "there is no data in polyvox-data"),
        (["dlq", "list", "--data", "other"], 1, "there is no data in other"),
        (["dlq", "list", "--stage", "nothing"], 2, "'nothing' is not one of"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(arguments: list[str], status: int, said: str, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("hello")
    result = polyvox(*arguments, cwd=tmp_path)
    assert result.status == status
    assert said in result.err
    assert result.out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def test_a_bad_setting_is_named(tmp_path: Path) -> None:
    result = polyvox("doctor", cwd=tmp_path, POLYVOX_PORT="many")
    assert (result.status, result.out) == (1, "")
    assert "POLYVOX_PORT" in result.err


def test_topics_are_shown_whole_in_a_pipe(tmp_path: Path) -> None:
    lines = polyvox("topics", cwd=tmp_path).out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(TOPICS)
    for topic, line in zip(TOPICS.values(), lines[1:], strict=True):
        assert line.endswith(topic.meaning)


@pytest.mark.models
def test_weights_are_listed_and_verified(tmp_path: Path) -> None:
    listed = polyvox("weights", "list", cwd=tmp_path).out
    assert any(line.split()[:2] == ["whisper-base", "present"] for line in listed.splitlines())
    verified = polyvox("weights", "verify", "campplus", cwd=tmp_path)
    assert (verified.status, verified.out) == (0, "campplus: complete\n")


def test_the_doctor_says_how_to_get_what_is_missing(tmp_path: Path) -> None:
    result = polyvox("doctor", cwd=tmp_path, POLYVOX_WEIGHTS_DIR=str(tmp_path / "none"), POLYVOX_HOST="192.0.2.1")
    assert result.status == 1
    assert "polyvox weights pull whisper-base" in result.out
    assert "cannot listen on 192.0.2.1" in result.out


@pytest.mark.models
def test_one_file_is_printed_and_nothing_else(whole_product: Product, tmp_path: Path) -> None:
    result = polyvox("transcribe", sample(), "--server", whole_product.url, "--speakers", "2", cwd=tmp_path)
    assert result.status == 0
    assert result.err.splitlines() == [f"done {sample()}"]
    lines = result.out.splitlines()
    assert {line.split("] ")[1].split(":")[0] for line in lines} == {"Speaker 1", "Speaker 2"}
    assert "in New Jersey" in result.out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.models
def test_a_folder_gives_a_file_for_each_recording_and_a_reason_for_each_failure(
    whole_product: Product, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    for name, level in (("a.wav", 1), ("a.mp3", 2), ("sub/a.wav", 3)):
        (folder / name).write_bytes(wav(1.0, level=level))
    (folder / "broken.ogg").write_bytes(b"OggS" + bytes(5000))
    (folder / "empty.flac").touch()
    (tmp_path / "note.txt").write_text("hello\n" * 100)
    result = polyvox(
        *("transcribe", folder, "note.txt", "--server", whole_product.url, "--format", "json", "--out", "out"),
        *("--no-diarize", "--task", "translate", "--language", "de"),
        cwd=tmp_path,
    )
    assert (result.status, result.out) == (1, "")
    out = tmp_path / "out"
    written = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert written == {"a.wav.json", "a.mp3.json", "sub/a.json"}
    document = json.loads((out / "sub" / "a.json").read_text())
    assert (document["status"], document["stages"]["diarize"]["status"]) == ("completed", "skipped")
    failed = [line for line in result.err.splitlines() if line.startswith("failed ")]
    assert {line.split(":")[0] for line in failed} == {
        f"failed {folder / 'broken.ogg'}",
        f"failed {folder / 'empty.flac'}",
        "failed note.txt",
    }
    assert all(len(line.split(": ", 1)[1]) > 20 for line in failed)
    assert result.err.splitlines()[-1] == "3 of 6 files transcribed"


@pytest.mark.models
@pytest.mark.parametrize("format", ["json", "text", "srt", "vtt", "rttm"])
def test_every_format_is_written(whole_product: Product, tmp_path: Path, format: str) -> None:
    (tmp_path / "quiet.wav").write_bytes(wav(1.0))
    arguments = ["transcribe", "quiet.wav", "--server", whole_product.url, "--format", format, "--out", "deep/out"]
    result = polyvox(*arguments, cwd=tmp_path)
    assert (result.status, result.out) == (0, "")
    assert (tmp_path / "deep" / "out" / f"quiet.{format}").exists()


@pytest.mark.models
@pytest.mark.parametrize("option", ["model", "engine"])
def test_what_the_server_does_not_know_is_refused_with_what_it_knows(
    whole_product: Product, tmp_path: Path, option: str
) -> None:
    (tmp_path / "quiet.wav").write_bytes(wav(1.0))
    result = polyvox("transcribe", "quiet.wav", "--server", whole_product.url, f"--{option}", "nope", cwd=tmp_path)
    assert result.status == 1
    assert f"The {option} 'nope' is not known here. Known are:" in result.err


@pytest.mark.models
def test_progress_on_a_terminal_leaves_standard_output_alone(whole_product: Product, tmp_path: Path) -> None:
    (tmp_path / "quiet.wav").write_bytes(wav(1.0))
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "polyvox.cli", "transcribe", "quiet.wav", "--server", whole_product.url]
    command += ["--format", "vtt"]
    done = subprocess.run(
        command, check=False, cwd=tmp_path, stdout=subprocess.PIPE, stderr=theirs, stdin=theirs, timeout=120, text=True
    )
    os.close(theirs)
    shown = os.read(ours, 1 << 20).decode(errors="replace")
    os.close(ours)
    assert done.returncode == 0
    assert done.stdout.startswith("WEBVTT")
    assert "\x1b" not in done.stdout
    assert "uploading" in shown
    assert "━" in shown


@pytest.mark.models
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_command_stops_all_and_leaves_nothing(
    tmp_path: Path, number: signal.Signals, status: int
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    command = Running("transcribe", sample(), cwd=tmp_path, TMPDIR=str(temporary))
    # Five services and at least one process that loads or runs a model.
    below = command.until_below(6)
    command.send(number)
    result = command.result(within_s=60)
    assert (result.status, result.out) == (status, "")
    assert result.err.splitlines()[-1] == "polyvox: interrupted"
    _, alive = psutil.wait_procs(below, timeout=20)
    assert not alive
    assert not list(temporary.glob("polyvox-*"))


@pytest.mark.models
def test_the_demo_shows_speakers_and_where_the_files_are(tmp_path: Path) -> None:
    result = polyvox("demo", "--out", "here", cwd=tmp_path)
    assert result.status == 0, result.err
    # What the README shows is what there is to see; the words may differ a little from one CPU to another.
    shown = re.findall(r"(Speaker \d)  (\w+)", (ROOT / "README.md").read_text())
    seen = re.findall(r"(Speaker \d)  (\w+)", result.out)
    assert shown[:3] == seen[:3]
    assert "2 speakers" in result.out
    for extension in ("json", "srt", "vtt"):
        assert f"here/{sample().stem}.{extension}" in result.out
        assert (tmp_path / "here" / f"{sample().stem}.{extension}").stat().st_size > 100
