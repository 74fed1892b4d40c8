"""The pipeline in simulated time: uploads admitted, decoded, cut, transcribed, diarized, counted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from benchmarks.scale.group import Group
from benchmarks.scale.load import FLOOD, Load, Upload, parts_of
from benchmarks.scale.log import Message, Topic
from benchmarks.scale.recordings import Recording
from benchmarks.scale.workers import POLICY, Speed, World
from ingest.admission import Admission, Full
from polyvox.contracts import Lane, LaneBacklog, TenantBacklog
from polyvox.contracts.media_uploaded import BYTES_PER_S
from polyvox.retry import delay_s
from polyvox.settings import Settings
from polyvox.worker.share import Share

LANES: tuple[Lane, ...] = ("interactive", "bulk")
DECODE = Speed(audio=120.0, overhead_s=0.5)
"""Measured: 115 to 158 times real time (docs/benchmarks.md)."""
TRANSCRIBE = Speed(audio=115.0, overhead_s=0.2)
DIARIZE = Speed(audio=280.0, overhead_s=0.3)
"""Assumed of one GPU, models of medium size; not measured yet (docs/gpu.md)."""
MESSAGE_BYTES = 1_100
"""Of a part-ready with its headers; see docs/scale.md."""
TELL_EVERY_S = 2.0
BUSY_AGAIN_S = 5.0
"""What a 503 says in Retry-After."""


@dataclass(frozen=True, slots=True)
class Size:
    """``share`` of a cluster with 1,000 GPUs and 10 million recordings a day."""

    share: float = 1.0
    transcribers: int = 690
    diarizers: int = 310
    partitions: int = 1_380
    """Of each topic that GPU workers read, in each lane."""
    ingests: int = 8
    transcribe: Speed = TRANSCRIBE
    diarize: Speed = DIARIZE

    def scaled(self, count: int) -> int:
        return max(1, round(count * self.share))


class Clock:
    """The Clock port on simulated time."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._start = datetime(2026, 1, 1, 9, tzinfo=UTC)

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._world.env.now)

    def monotonic_s(self) -> float:
        return float(self._world.env.now)

    async def sleep(self, seconds: float) -> None:
        raise NotImplementedError("nothing waits on this clock")


class Account:
    """What waits of one tenant in one lane, as the projection adds it up."""

    __slots__ = ("audio_s", "newest", "recordings")

    def __init__(self) -> None:
        self.recordings = 0
        self.audio_s = 0.0
        self.newest: datetime | None = None

    def told(self) -> LaneBacklog:
        return LaneBacklog(recordings=self.recordings, audio_s=max(0.0, self.audio_s), counted_to=self.newest)


class Cluster:
    def __init__(self, world: World, size: Size, load: Load) -> None:
        self.world = world
        self.size = size
        self.load = load
        self.clock = Clock(world)
        partitions = size.scaled(size.partitions)
        self.parts = {lane: Topic(f"part-ready{_suffix(lane)}", partitions) for lane in LANES}
        self.media = {lane: Topic(f"media-ready{_suffix(lane)}", partitions) for lane in LANES}
        self.transcribers = Group(world, "transcribe", size.transcribe, list(self.parts.values()), self._transcribed)
        self.diarizers = Group(world, "diarize", size.diarize, list(self.media.values()), self._diarized)
        settings = Settings(tenant_backlog_max_audio_s=Settings().tenant_backlog_max_audio_s * size.share)
        self.ingests = [Admission.of(settings, self.clock) for _ in range(size.scaled(size.ingests))]
        self.limit_s = settings.tenant_backlog_max_audio_s
        self.accounts: defaultdict[tuple[str, Lane], Account] = defaultdict(Account)
        self.worst_s: defaultdict[str, float] = defaultdict(float)
        """Most audio that waited of a tenant in bulk."""
        self.decoding_s = 0.0
        self._changed: set[str] = set()
        self._count = 0
        world.after(0.0, lambda: self.transcribers.start(size.scaled(size.transcribers)))
        world.after(0.0, lambda: self.diarizers.start(size.scaled(size.diarizers)))
        world.after(TELL_EVERY_S, self._tell)

    def upload(self, wanted: Upload, answered: Callable[[float | None], None] | None = None) -> None:
        """One request. ``answered`` hears None, or how many seconds to wait; without it the upload is sent again."""
        admission = self.world.chance.choice(self.ingests)
        full = admission.room(wanted.tenant, wanted.lane)
        wait_s = self._refused(full)
        if wait_s is None:
            self._accept(wanted, admission)
        if answered is not None:
            answered(wait_s)
        elif wait_s is not None:
            wait_s *= 1.0 + 0.2 * self.world.chance.random()
            self.world.after(wait_s, lambda: self.upload(wanted))

    def _refused(self, full: Full | None) -> float | None:
        if not self.world.broker_up:
            self.world.measures.count("uploads answered 503")
            return BUSY_AGAIN_S
        if full is not None:
            self.world.measures.count(f"uploads answered 429 to {full.tenant}")
            return full.retry_after_s
        return None

    def _accept(self, wanted: Upload, admission: Admission) -> None:
        now_s = self.world.env.now
        size_bytes = round(wanted.audio_s * BYTES_PER_S)
        self._count += 1
        recording = Recording(f"{self._count:026d}", wanted.tenant, wanted.lane, wanted.audio_s, now_s, size_bytes)
        recording.waiting_s = wanted.audio_s
        admission.let_in(wanted.tenant, wanted.lane, size_bytes)
        account = self.accounts[wanted.tenant, wanted.lane]
        account.recordings += 1
        account.audio_s += wanted.audio_s
        account.newest = self.clock.now()
        self._changed.add(wanted.tenant)
        self.world.measures.count("recordings accepted")
        takes_s = DECODE.takes_s(wanted.audio_s)
        self.decoding_s += takes_s
        self.world.after(takes_s, lambda: self._decoded(recording, 0))

    def _decoded(self, recording: Recording, failures: int) -> None:
        if not self.world.broker_up:
            wait_s = delay_s(failures + 1, POLICY, self.world.chance.random())
            self.world.after(wait_s, lambda: self._decoded(recording, failures + 1))
            return
        parts = parts_of(recording.audio_s)
        recording.parts_left = len(parts)
        self.media[recording.lane].append(self._message(recording, recording.media_id, recording.audio_s))
        for number, audio_s in enumerate(parts):
            self.parts[recording.lane].append(self._message(recording, f"{recording.media_id}/{number}", audio_s))

    def _message(self, recording: Recording, key: str, audio_s: float) -> Message:
        share = Share(recording.lane, recording.tenant, max(audio_s, 1.0))
        return Message(key, share, MESSAGE_BYTES, recording, audio_s, self.world.env.now)

    def _transcribed(self, message: Message) -> None:
        recording = message.recording
        recording.parts_left -= 1
        self.accounts[recording.tenant, recording.lane].audio_s -= message.audio_s
        self._changed.add(recording.tenant)
        self._completed(recording)

    def _diarized(self, message: Message) -> None:
        message.recording.diarized = True
        self._completed(message.recording)

    def _completed(self, recording: Recording) -> None:
        if recording.parts_left or not recording.diarized:
            return
        self.accounts[recording.tenant, recording.lane].recordings -= 1
        self._changed.add(recording.tenant)
        self.world.measures.count("recordings completed")
        self.world.measures.wait("turnaround", recording, self.world.env.now - recording.uploaded_s)

    def _tell(self) -> None:
        self.world.after(TELL_EVERY_S, self._tell)
        if not self.world.broker_up:
            return
        now = self.clock.now()
        for tenant in self._changed:
            bulk = self.accounts[tenant, "bulk"].told()
            told = TenantBacklog(
                tenant=tenant, as_of=now, interactive=self.accounts[tenant, "interactive"].told(), bulk=bulk
            )
            self.world.measures.count("backlogs told")
            self.worst_s[tenant] = max(self.worst_s[tenant], bulk.audio_s)
            for admission in self.ingests:
                admission.heard(told)
        self._changed.clear()


def _suffix(lane: Lane) -> str:
    return "-bulk" if lane == "bulk" else ""


class Flooder:
    """One tenant uploads an archive over so many connections; each heeds Retry-After."""

    UPLOAD_S = 0.13

    def __init__(self, cluster: Cluster, count: int, connections: int) -> None:
        self.left = count
        self._cluster = cluster
        for _ in range(connections):
            cluster.world.after(cluster.world.chance.random(), self._next)

    def _next(self) -> None:
        if self.left > 0:
            self.left -= 1
            self._send(self._cluster.load.flood())

    def _send(self, wanted: Upload) -> None:
        assert wanted.tenant == FLOOD
        world = self._cluster.world

        def answered(wait_s: float | None) -> None:
            if wait_s is None:
                world.after(self.UPLOAD_S, self._next)
            else:
                world.after(wait_s * (1.0 + 0.2 * world.chance.random()), lambda: self._send(wanted))

        self._cluster.upload(wanted, answered)
