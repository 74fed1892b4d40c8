"""What must work once the stack is up."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from infra.compose_test.compose import Stack
from infra.compose_test.podman import Podman
from polyvox.adapters.s3 import S3Options
from polyvox.adapters.s3.connection import make_client
from polyvox.cli.demo import sample

WATCHED_BUCKET = "recordings"
OURS = ("front", "projection", "normaliser", "watcher", "transcriber", "diarizer")
SERVERS = ("kafka", "minio", "postgres", "prometheus")
ONE_SHOT = ("setup", "weights", "first-key")
WORDS = ("Hello", "Chicago", "Yankee")
"""Said in the demo's recording."""
HEALTHY_WITHIN_S = 300.0
TRANSCRIPT_WITHIN_S = 900.0
BACK_WITHIN_S = 600.0
POLL_S = 1.0


@dataclass(frozen=True, slots=True)
class Ports:
    """On 127.0.0.1."""

    front: int
    s3: int
    s3_console: int
    kafka: int
    prometheus: int

    def variables(self) -> dict[str, str]:
        return {
            "PORT": str(self.front),
            "S3_PORT": str(self.s3),
            "S3_CONSOLE_PORT": str(self.s3_console),
            "KAFKA_PORT": str(self.kafka),
            "PROMETHEUS_PORT": str(self.prometheus),
        }


@dataclass(frozen=True)
class Scenario:
    """``secrets`` are those of .env. Each step raises AssertionError when what it says does not hold."""

    stack: Stack
    podman: Podman
    ports: Ports
    secrets: dict[str, str]

    def everything_is_healthy(self) -> None:
        """All containers run and answer, the one-shot ones ended well."""

        def settled() -> bool:
            states = self.stack.states()
            for name in ONE_SHOT:
                assert states[name]["State"] != "exited" or states[name]["ExitCode"] == 0, self.logs(name)
            return all(states[name]["Health"] == "healthy" for name in (*OURS, *SERVERS))

        _until(settled, HEALTHY_WITHIN_S, self.unwell)

    def nobody_has_rights(self) -> None:
        """Processes of ours have no capabilities, no way to write outside their volumes, and no root."""
        probe = (
            "import os; status = open('/proc/self/status').read(); "
            "assert os.getuid() == 10001, os.getuid(); "
            "assert 'CapEff:\\t0000000000000000' in status and 'NoNewPrivs:\\t1' in status, status; "
            "assert not os.access('/opt/polyvox', os.W_OK) and not os.access('/', os.W_OK); "
            "assert os.statvfs('/').f_flag & os.ST_RDONLY; "
            "open('/var/lib/polyvox/probe', 'w').close()"
        )
        for name in OURS:
            self.podman("exec", self._container(name), "python", "-c", probe)

    def nobody_is_served_without_a_key(self) -> None:
        """Recordings are not, probes are."""
        statuses = {path: httpx.get(f"{self._url}{path}").status_code for path in ("/v1/media", "/health", "/metrics")}
        assert statuses == {"/v1/media": 401, "/health": 200, "/metrics": 200}, statuses

    def a_dropped_recording_becomes_a_transcript(self) -> None:
        """Put into the watched bucket by any S3 tool, it comes out of the REST API with words and speakers."""
        client = make_client(
            S3Options(access_key=self.secrets["S3_ACCESS_KEY"], secret_key=self.secrets["S3_SECRET_KEY"]),
            f"http://127.0.0.1:{self.ports.s3}",
        )
        client.put_object(Bucket=WATCHED_BUCKET, Key="calls/hello.wav", Body=sample().read_bytes())
        client.close()
        listed = _until(lambda: self._get("/v1/media").json()["items"], TRANSCRIPT_WITHIN_S, lambda: self.logs("front"))
        self._check_transcript(listed[0]["media_id"])

    def a_killed_service_comes_back(self) -> None:
        """The transcriber is killed by SIGKILL; its container restarts, and an upload meanwhile completes."""
        before = self.podman("inspect", "--format={{.State.Pid}}", self._container("transcriber"))
        os.kill(int(before), signal.SIGKILL)
        with sample().open("rb") as recording:
            answer = httpx.post(
                f"{self._url}/v1/media", headers=self._key, files={"file": ("again.wav", recording)}, timeout=60.0
            )
        assert answer.status_code == 202, answer.text

        def back() -> bool:
            now = self.podman("inspect", "--format={{.State.Pid}}", self._container("transcriber"))
            return now not in ("0", before) and self.stack.states()["transcriber"]["Health"] == "healthy"

        _until(back, BACK_WITHIN_S, lambda: self.logs("transcriber"))
        self._check_transcript(answer.json()["media_id"])

    def prometheus_counts_everything(self) -> None:
        """Every process is scraped, and what they handled is there."""

        def query(expression: str) -> list[dict[str, Any]]:
            url = f"http://127.0.0.1:{self.ports.prometheus}/api/v1/query"
            found: list[dict[str, Any]] = httpx.get(url, params={"query": expression}).json()["data"]["result"]
            return found

        def scraped() -> bool:
            up = {one["metric"]["service"] for one in query('up{job="polyvox"} == 1')}
            return set(OURS) <= up and bool(query('up{job="minio"} == 1'))

        _until(scraped, 120.0, lambda: str(query("up")))
        handled = 'sum by (worker) (polyvox_messages_handled_total{worker="diarizer"})'
        _until(lambda: any(float(one["value"][1]) >= 2 for one in query(handled)), 60.0, lambda: str(query(handled)))

    def logs(self, service: str) -> str:
        return f"{service} said:\n{self.stack('logs', '--no-color', '--tail=60', service, check=False)}"

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self.ports.front}"

    @property
    def _key(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secrets['API_KEY']}"}

    def _get(self, path: str) -> httpx.Response:
        answer = httpx.get(f"{self._url}{path}", headers=self._key, timeout=30.0)
        answer.raise_for_status()
        return answer

    def _container(self, service: str) -> str:
        container: str = self.stack.states()[service]["ID"]
        return container

    def _check_transcript(self, media_id: str) -> None:
        def ended() -> dict[str, Any] | None:
            state: dict[str, Any] = self._get(f"/v1/media/{media_id}").json()
            assert state["status"] != "failed", state
            return state if state["status"] == "completed" else None

        _until(ended, TRANSCRIPT_WITHIN_S, lambda: "\n".join(map(self.logs, OURS)))
        transcript = self._get(f"/v1/media/{media_id}/transcript").json()
        said = " ".join(segment["text"] for segment in transcript["segments"])
        assert all(word in said for word in WORDS), said
        assert len(transcript["speakers"]) == 2, transcript["speakers"]

    def unwell(self) -> str:
        """The state of each container, and what those say that are not healthy."""
        states = self.stack.states()
        table = "\n".join(f"{name}: {state['State']} {state['Health']}" for name, state in states.items())
        unwell = [name for name, state in states.items() if state["Health"] not in ("healthy", "")]
        return "\n".join((table, *map(self.logs, unwell)))


def _until(condition: Callable[[], Any], within_s: float, otherwise: Callable[[], str]) -> Any:
    give_up_s = time.monotonic() + within_s
    while not (value := condition()):
        if time.monotonic() > give_up_s:
            raise AssertionError(f"not within {within_s:g} s\n{otherwise()}")
        time.sleep(POLL_S)
    return value
