"""From hours of audio a day to workers, partitions, gigabytes and money. Pure; the arithmetic is part of the answer."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from polyvox.contracts import MediaReady, MediaUploaded, PartReady
from polyvox.planning.figures import CPU, Bytes, Figures, Stage
from polyvox.topics import TOPICS

DAY_S = 86_400.0
HOURS_A_MONTH = 730.0
DAYS_A_MONTH = 30.4
INPUTS = {"normaliser": MediaUploaded.TOPIC, "transcriber": PartReady.TOPIC, "diarizer": MediaReady.TOPIC}
"""What each worker shares with its like, partition by partition."""
PARTITIONS_PER_WORKER = 2
"""So that what is lost with a worker spreads over others (docs/scale.md)."""
PRICES = ("core-hour", "gpu-hour", "gb-month")


@dataclass(frozen=True, slots=True)
class Wanted:
    """``peak``: busy hours over the mean; ``busy``: share of a worker's time that may be used then, below 1 so that
    waits stay short; ``mean_s``: length of a recording; ``keep_days``: how long originals and FLAC are kept.
    """

    hours_per_day: float
    model: str
    device: str = CPU
    diarize: bool = True
    peak: float = 1.5
    busy: float = 0.8
    mean_s: float = 329.0
    keep_days: float = 30.0

    @property
    def audio_s(self) -> float:
        """A day."""
        return self.hours_per_day * 3600

    @property
    def load(self) -> float:
        """Seconds of audio that arrive each second of busy hours."""
        return self.audio_s / DAY_S * self.peak

    @property
    def recordings(self) -> float:
        """A day."""
        return self.audio_s / self.mean_s


@dataclass(frozen=True, slots=True)
class Crew:
    """The workers of one stage; ``exact`` before it was rounded up."""

    figure: Stage
    exact: float

    @property
    def workers(self) -> int:
        return max(math.ceil(self.exact - 1e-9), 1)

    @property
    def on_gpu(self) -> bool:
        return self.figure.device != CPU

    @property
    def cores(self) -> int:
        return 0 if self.on_gpu else self.workers * self.figure.cores

    @property
    def gpus(self) -> int:
        return self.workers if self.on_gpu else 0

    @property
    def memory_gb(self) -> float:
        return self.workers * self.figure.memory_mib * 2**20 / 1e9


@dataclass(frozen=True, slots=True)
class Storage:
    """Gigabytes (10^9 bytes)."""

    media_gb_a_day: float
    results_gb_a_day: float
    log_gb_a_day: float
    database_gb_a_day: float


@dataclass(frozen=True, slots=True)
class Plan:
    wanted: Wanted
    crews: tuple[Crew, ...]
    partitions: dict[str, int]
    factor: int
    storage: Storage

    @property
    def cores(self) -> int:
        return sum(crew.cores for crew in self.crews)

    @property
    def gpus(self) -> int:
        return sum(crew.gpus for crew in self.crews)

    @property
    def kept_gb(self) -> float:
        """Originals and FLAC of ``keep_days``, and a month of results."""
        return self.storage.media_gb_a_day * self.wanted.keep_days + self.storage.results_gb_a_day * DAYS_A_MONTH


def plan(wanted: Wanted, figures: Figures) -> Plan:
    """Raises Invalid for what was never measured."""
    chosen = [figures.of("normaliser"), figures.of("transcriber", model=wanted.model, device=wanted.device)]
    if wanted.diarize:
        chosen.append(figures.of("diarizer", device=wanted.device))
    chosen.append(figures.of("projection"))
    crews = tuple(Crew(figure, wanted.load / (figure.rtfx * wanted.busy)) for figure in chosen)
    needed = {
        INPUTS[crew.figure.worker]: crew.workers * PARTITIONS_PER_WORKER
        for crew in crews
        if crew.figure.worker in INPUTS
    }
    factor = max(math.ceil(count / TOPICS[topic].partitions) for topic, count in needed.items())
    return Plan(
        wanted=wanted,
        crews=crews,
        partitions={topic: TOPICS[topic].partitions * factor for topic in needed},
        factor=factor,
        storage=_storage(wanted, figures.bytes),
    )


def _storage(wanted: Wanted, sizes: Bytes) -> Storage:
    audio_s, recordings = wanted.audio_s, wanted.recordings
    return Storage(
        media_gb_a_day=audio_s * (sizes.original_per_audio_s + sizes.flac_per_audio_s) / 1e9,
        results_gb_a_day=audio_s * sizes.json_per_audio_s / 1e9,
        log_gb_a_day=(recordings * sizes.log_per_recording + audio_s * sizes.log_per_audio_s) / 1e9,
        database_gb_a_day=recordings * sizes.database_per_recording / 1e9,
    )


def lines(made: Plan, sizes: Bytes, prices: Mapping[str, float], currency: str = "") -> Iterator[str]:
    """The plan for people, with its arithmetic; money where a price is given."""
    wanted, storage = made.wanted, made.storage
    yield (
        f"{wanted.hours_per_day:,.0f} h of audio a day = {wanted.audio_s:,.0f} s; / 86,400 s x {wanted.peak:g} in busy "
        f"hours = {wanted.load:,.2f} s of audio each second"
    )
    yield f"{wanted.audio_s:,.0f} s / {wanted.mean_s:g} s each = {wanted.recordings:,.0f} recordings a day"
    yield ""
    yield "Workers"
    for crew in made.crews:
        figure = crew.figure
        place = f"one {figure.device}" if crew.on_gpu else _counted(figure.cores, "core")
        total = f"{crew.gpus} x {figure.device}" if crew.on_gpu else _counted(crew.cores, "core")
        yield (
            f"  {figure.worker:<12}{wanted.load:,.2f} / ({figure.rtfx:,.1f} x {wanted.busy:g} busy) = {crew.exact:,.2f}"
            f" -> {_counted(crew.workers, 'worker')} of {place}: {total}, {crew.memory_gb:,.1f} GB"
        )
        yield (
            f"  {'':<12}{figure.rtfx:,.1f} times real time: {figure.model} ({figure.engine}), {figure.machine}, "
            f"{figure.measured}: {figure.how}"
        )
    yield f"  {'all':<12}{_counted(made.cores, 'core')}, {_counted(made.gpus, 'GPU')}"
    yield f"  {'front':<12}besides these: what it costs depends on how uploads come, not on their length"
    yield ""
    yield f"Partitions: {PARTITIONS_PER_WORKER} for each worker, in each lane"
    for topic, count in made.partitions.items():
        yield f"  {topic:<16}{TOPICS[topic].partitions} x {made.factor} = {count}"
    yield f"  POLYVOX_KAFKA_PARTITIONS_FACTOR={made.factor}"
    yield ""
    yield "Gigabytes"
    yield (
        f"  object store  {wanted.audio_s:,.0f} s x ({sizes.original_per_audio_s:,.0f} + {sizes.flac_per_audio_s:,.0f})"
        f" bytes = {storage.media_gb_a_day:,.2f} GB a day, x {wanted.keep_days:g} days kept = "
        f"{storage.media_gb_a_day * wanted.keep_days:,.1f} GB"
    )
    yield (
        f"  results       {wanted.audio_s:,.0f} s x {sizes.json_per_audio_s:,.0f} bytes = "
        f"{storage.results_gb_a_day:,.3f} GB a day"
    )
    yield (
        f"  Kafka         {wanted.recordings:,.0f} x {sizes.log_per_recording:,.0f} + {wanted.audio_s:,.0f} s x "
        f"{sizes.log_per_audio_s:,.0f} bytes = {storage.log_gb_a_day:,.3f} GB a day and copy"
    )
    yield (
        f"  PostgreSQL    {wanted.recordings:,.0f} x {sizes.database_per_recording:,.0f} bytes = "
        f"{storage.database_gb_a_day:,.3f} GB a day"
    )
    if prices:
        yield ""
        yield from _money(made, prices, currency)


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _money(made: Plan, prices: Mapping[str, float], currency: str) -> Iterator[str]:
    unit = f" {currency}" if currency else ""
    amounts = {
        "core-hour": (made.cores * HOURS_A_MONTH, f"{made.cores} cores x {HOURS_A_MONTH:g} h"),
        "gpu-hour": (made.gpus * HOURS_A_MONTH, f"{made.gpus} GPUs x {HOURS_A_MONTH:g} h"),
        "gb-month": (made.kept_gb, f"{made.kept_gb:,.1f} GB"),
    }
    total = 0.0
    yield f"Money a month, at the prices given{' (' + currency + ')' if currency else ''}"
    for name, price in prices.items():
        amount, said = amounts[name]
        total += amount * price
        yield f"  {name:<12}{said} x {price:g} = {amount * price:,.2f}{unit}"
    hours = made.wanted.hours_per_day * DAYS_A_MONTH
    yield f"  {'all':<12}{total:,.2f}{unit} / {hours:,.0f} h of audio = {total / hours:,.4f}{unit} an hour"
    missing = [name for name, (amount, _) in amounts.items() if amount and name not in prices]
    if missing:
        yield f"  not in it, for want of a price: {', '.join(missing)}"
