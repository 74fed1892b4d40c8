"""How fast recordings get into the object store, each way, as a ratio to bare boto3 on the same MinIO.

    python -m benchmarks.uploads [--mebibytes 512] [--repeats 5]

MinIO, the upload API (`polyvox run ingest-api`) and the client are processes on this machine. In each round every way
sends the same file once, in turn; the figures are medians over the rounds, and the ratios are of medians.
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import httpx
import psutil
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

from infra.native import Minio
from polyvox.cli.local_server import free_port
from polyvox.client import Client

MIB = 1 << 20
BUCKET = "uploads-benchmark"
WAV_HEADER = bytes.fromhex("52494646ffffffff57415645666d74201000000001000100803e0000007d00000200100064617461ffffffff")

Way = Callable[[Path], None]


def measure(mebibytes: int, repeats: int) -> None:
    with tempfile.TemporaryDirectory(prefix="polyvox-bench-") as name, Minio(Path(name) / "minio") as minio:
        folder = Path(name)
        recording = a_recording(folder / "recording.wav", mebibytes * MIB)
        s3 = boto3.client(
            "s3",
            endpoint_url=minio.endpoint,
            aws_access_key_id=minio.access_key,
            aws_secret_access_key=minio.secret_key,
            region_name="us-east-1",
            config=Config(s3={"addressing_style": "path"}),
        )
        s3.create_bucket(Bucket=BUCKET)
        with api(folder, minio) as (url, pid):
            ways: dict[str, Way] = {
                "boto3 upload_file, 8 MiB parts, 10 threads": lambda file: bare(s3, file),
                "direct parts (client, presigned)": lambda file: by_client(url, file, parts_above_bytes=0),
                "POST /v1/media (client)": lambda file: by_client(url, file, parts_above_bytes=None),
                "tus, one PATCH": lambda file: by_tus(url, file),
            }
            taken: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
            server = psutil.Process(pid)
            for round_number in range(repeats + 1):
                for way, send in ways.items():
                    cpu_s, began_s = cpu(server), time.monotonic()
                    send(recording)
                    spent = (time.monotonic() - began_s, cpu(server) - cpu_s)
                    empty(s3)
                    if round_number:
                        taken[way].append(spent)
        report(mebibytes, taken)


def report(mebibytes: int, taken: dict[str, list[tuple[float, float]]]) -> None:
    middle = {way: statistics.median(wall_s for wall_s, _ in spent) for way, spent in taken.items()}
    yardstick_s = next(iter(middle.values()))
    print(f"\n{mebibytes} MiB, median of {len(next(iter(taken.values())))} rounds\n")
    print("| way | MiB/s | ratio to boto3 | processor time of the API, s |\n|---|---|---|---|")
    for way, wall_s in middle.items():
        api_s = statistics.median(cpu_s for _, cpu_s in taken[way])
        print(f"| {way} | {mebibytes / wall_s:.0f} | {yardstick_s / wall_s:.2f} | {api_s:.2f} |")


def a_recording(path: Path, size_bytes: int) -> Path:
    block = random.Random(1).randbytes(MIB)
    with path.open("wb") as file:
        file.write(WAV_HEADER)
        while (left := size_bytes - file.tell()) > 0:
            file.write(block[:left])
    return path


@contextmanager
def api(folder: Path, minio: Minio) -> Iterator[tuple[str, int]]:
    """The upload API alone, on MinIO and an embedded log; its address and process id."""
    port = free_port("127.0.0.1")
    settings = {
        "POLYVOX_DATA_DIR": str(folder / "data"),
        "POLYVOX_PORT": str(port),
        "POLYVOX_LOG_LEVEL": "warning",
        "POLYVOX_S3_BUCKET": BUCKET,
        "POLYVOX_S3_ENDPOINT": minio.endpoint,
        "POLYVOX_S3_ACCESS_KEY": minio.access_key,
        "POLYVOX_S3_SECRET_KEY": minio.secret_key,
    }
    command = [sys.executable, "-m", "polyvox.cli", "run", "ingest-api"]
    process = subprocess.Popen(command, env={**os.environ, **settings})
    url = f"http://127.0.0.1:{port}"
    try:
        deadline_s = time.monotonic() + 60
        while not is_ready(url):
            if process.poll() is not None or time.monotonic() > deadline_s:
                raise RuntimeError("the upload API did not start")
            time.sleep(0.1)
        yield url, process.pid
    finally:
        process.terminate()
        process.wait(30)


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/ready", timeout=5).is_success
    except httpx.TransportError:
        return False


def bare(s3: Any, file: Path) -> None:
    s3.upload_file(str(file), BUCKET, "bare.wav", Config=TransferConfig(multipart_chunksize=8 * MIB))


def by_client(url: str, file: Path, *, parts_above_bytes: int | None) -> None:
    with Client(url, parts_above_bytes=parts_above_bytes) as client:
        client.upload(file)


def by_tus(url: str, file: Path) -> None:
    size_bytes = file.stat().st_size
    version = {"Tus-Resumable": "1.0.0"}
    created = httpx.post(f"{url}/v1/tus", headers={**version, "Upload-Length": str(size_bytes)}, timeout=60)
    place = httpx.URL(url)
    connection = http.client.HTTPConnection(place.host, place.port, timeout=600, blocksize=MIB)
    about = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0", "Content-Length": str(size_bytes)}
    with file.open("rb") as body:
        connection.request("PATCH", created.headers["Location"], body=body, headers={**version, **about})
        answer = connection.getresponse()
    if answer.status != 204:
        raise RuntimeError(f"{answer.status} {answer.read()!r}")
    connection.close()


def cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def empty(s3: Any) -> None:
    """Remove all objects, so that the disk does not fill."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
        for found in page.get("Contents", ()):
            s3.delete_object(Bucket=BUCKET, Key=found["Key"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mebibytes", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    measure(arguments.mebibytes, arguments.repeats)


if __name__ == "__main__":
    main()
