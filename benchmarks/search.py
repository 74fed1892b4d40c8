"""How fast a search is among many segments: p50 and p95 by kind of question, on SQLite or PostgreSQL.

    python -m benchmarks.search [--segments 1000000] [--questions 40] [--database postgresql://…]
    python -m benchmarks.search --folder DIR --fill-s 240    # again and again until all is written; then
    python -m benchmarks.search --folder DIR --fill-s 0      # only asks

Made-up talk: words of a vocabulary of 50,000 as often as their rank says (Zipf), 14 a segment, 100 segments a
recording, ten tenants, three languages, a year. Each question is asked in this process, with its snippets, the first
page of 20; without a server in front, which adds the same to all. The database must be empty, or filled by this.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from pydantic import SecretStr

from polyvox import keys
from polyvox.contracts import MediaUploaded
from polyvox.contracts.media_uploaded import StoredObject
from polyvox.ids import new_media_id
from polyvox.settings import Settings
from results_api.database import rows
from results_api.database.connections import engine_of
from results_api.database.database import Database
from results_api.database.migrate import migrate
from results_api.database.recording import queued
from results_api.database.searchable import put
from results_api.database.tables import recordings
from results_api.database.writers import writer_of
from results_api.search.asked import tags
from results_api.search.searchable import Searchable, Segment
from results_api.search.searching import Filters, search

START = datetime(2025, 1, 1, tzinfo=UTC)
VOCABULARY = 50_000
WORDS, SEGMENTS, AT_ONCE = 14, 100, 50
TENANTS, LANGUAGES = [f"tenant-{n}" for n in range(10)], ["en", "de", "fi"]
SYLLABLES = ["ba", "ce", "di", "fo", "gu", "la", "me", "ni", "po", "ru", "sa", "te", "vi", "zo", "ka", "lu", "mo", "ne"]


class Talk:
    """The same each time."""

    def __init__(self) -> None:
        self.chance = random.Random(1)
        spelled = ("".join(parts) for length in (2, 3, 4) for parts in itertools.product(SYLLABLES, repeat=length))
        self.vocabulary = list(itertools.islice(spelled, VOCABULARY))
        self.chance.shuffle(self.vocabulary)
        self._up_to = list(itertools.accumulate(1 / rank for rank in range(1, VOCABULARY + 1)))
        self.heard: list[str] = []
        """Some of what is said."""

    def recording(self, number: int, of: int) -> tuple[MediaUploaded, Searchable]:
        self.chance.seed(number)
        created_at = START + timedelta(days=365) * number / of
        media_id = new_media_id(created_at)
        upload = MediaUploaded(
            media_id=media_id,
            tenant=self.chance.choice(TENANTS),
            original=StoredObject(key=keys.original(media_id), size_bytes=1000),
            filename=f"recording-{number}.wav",
            uploaded_at=created_at,
        )
        language = self.chance.choice(LANGUAGES)
        case = {"case": str(number % 50)}
        marks = [
            tags(tenant=upload.tenant, language=language, speakers=[f"S{n}", f"Speaker {n}"], metadata=case)
            for n in (1, 2)
        ]
        segments = [self._segment(index, language, marks[index % 2]) for index in range(SEGMENTS)]
        return upload, Searchable(media_id, 1, segments)

    def listen(self, of: int) -> None:
        """Hear a segment of some of the recordings."""
        self.heard = [self.recording(number, of)[1].segments[number % SEGMENTS].text for number in range(0, of, 20)]
        self.chance.seed(2)

    def _segment(self, index: int, language: str, marks: Sequence[str]) -> Segment:
        said = self.chance.choices(self.vocabulary, cum_weights=self._up_to, k=WORDS)
        speaker = index % 2 + 1
        return Segment(
            index=index,
            start_s=index * 6.0,
            end_s=index * 6.0 + 5.5,
            speaker=f"S{speaker}",
            label=f"Speaker {speaker}",
            language=language,
            text=" ".join(said),
            words=said,
            tags=marks,
        )

    def questions(self) -> dict[str, Iterator[tuple[str, Filters]]]:
        return {
            "any word that is said": self._asked(lambda: self.chance.choice(self.chance.choice(self.heard).split())),
            "a word of every hundredth segment": self._asked(lambda: self._ranked(80, 160)),
            "one of the ten most frequent words": self._asked(lambda: self._ranked(0, 10)),
            "a word that hardly anybody says": self._asked(lambda: self._ranked(30_000, VOCABULARY)),
            "three words": self._asked(lambda: " ".join(self.chance.sample(self.chance.choice(self.heard).split(), 3))),
            "a phrase of two words": self._asked(self._phrase),
            "the beginning of a word, 2 to 4 letters": self._asked(
                lambda: f"{self._ranked(0, VOCABULARY)[: self.chance.choice((2, 3, 4))]}*"
            ),
            "a word by tenant, language, speaker": self._asked(
                lambda: self._ranked(0, 200),
                lambda: Filters(
                    tenant=self.chance.choice(TENANTS), language=self.chance.choice(LANGUAGES), speaker="speaker 1"
                ),
            ),
            "a word within a month": self._asked(lambda: self._ranked(0, 200), self._month),
            "a word that is said in none of the filtered": self._asked(
                lambda: self._ranked(0, 200), lambda: Filters(tenant="nobody")
            ),
        }

    @staticmethod
    def _asked(q: Callable[[], str], filters: Callable[[], Filters] = Filters) -> Iterator[tuple[str, Filters]]:
        while True:
            yield q(), filters()

    def _ranked(self, first: int, end: int) -> str:
        return self.vocabulary[self.chance.randrange(first, end)]

    def _phrase(self) -> str:
        said = self.chance.choice(self.heard).split()
        place = self.chance.randrange(WORDS - 1)
        return f'"{said[place]} {said[place + 1]}"'

    def _month(self) -> Filters:
        first = START + timedelta(days=self.chance.randrange(330))
        return Filters(created_after=first, created_before=first + timedelta(days=30))


async def fill(url: str, talk: Talk, segments: int, within_s: float) -> bool:
    """Go on where it was left. Returns whether all is written; False after ``within_s``."""
    engine = engine_of(url, statement_s=None)
    writer = writer_of(engine)
    of = max(1, segments // SEGMENTS)
    async with engine.connect() as connection:
        first = (await connection.execute(sa.select(sa.func.count()).select_from(recordings))).scalar_one()
    began_s = time.perf_counter()
    done = first
    while done < of and time.perf_counter() < began_s + within_s:
        some = [talk.recording(number, of) for number in range(done, min(of, done + AT_ONCE))]

        def store(connection: sa.Connection, some: Sequence[tuple[MediaUploaded, Searchable]] = some) -> None:
            connection.execute(sa.insert(recordings), [rows.row_of(queued(upload)) for upload, _ in some])
            for _, result in some:
                put(connection, result)

        await writer.write(store)
        done += len(some)
    if done > first:
        took_s, written = time.perf_counter() - began_s, (done - first) * SEGMENTS
        print(f"{written:,} segments written in {took_s:.0f} s, {took_s / written * 1e6:.0f} µs each")
        if done == of and engine.dialect.name != "sqlite":
            # What the server does by itself after so many rows.
            async with engine.connect() as connection:
                await connection.execution_options(isolation_level="AUTOCOMMIT")
                await connection.exec_driver_sql("VACUUM ANALYZE")
    await writer.close()
    await engine.dispose()
    return done == of


async def ask(url: str, talk: Talk, questions: int) -> None:
    database = Database(url)
    everything: list[float] = []
    for kind, asked in talk.questions().items():
        times_s, hits = [], 0
        for q, filters in itertools.islice(asked, questions):
            began_s = time.perf_counter()
            page = await search(database, q, filters, limit=20)
            times_s.append(time.perf_counter() - began_s)
            hits += len(page.hits)
        everything += times_s
        print(f"| {kind} | {hits / questions:.1f} | {quantiles(times_s)} |", flush=True)
    print(f"| all of these | | {quantiles(everything)} |")
    await database.close()


def quantiles(times_s: Sequence[float]) -> str:
    """p50, p95 and the worst, in milliseconds."""
    ranked = sorted(times_s)
    return " | ".join(f"{ranked[min(len(ranked) - 1, int(len(ranked) * part))] * 1e3:.1f}" for part in (0.5, 0.95, 1))


async def measure(settings: Settings, segments: int, questions: int, fill_s: float) -> None:
    url = settings.database_url
    await migrate(url)
    talk = Talk()
    if not await fill(url, talk, segments, fill_s):
        return
    if settings.database is None:
        print(f"{settings.database_path.stat().st_size / 1e6:,.0f} MB")
    talk.listen(max(1, segments // SEGMENTS))
    print("| question | hits on the page | p50, ms | p95, ms | worst, ms |\n|---|---|---|---|---|")
    await ask(url, talk, questions)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--segments", type=int, default=1_000_000)
    parser.add_argument("--questions", type=int, default=40, help="of each kind")
    parser.add_argument("--database", help="URL of an empty PostgreSQL database; SQLite without it")
    parser.add_argument("--folder", type=Path, help="where SQLite's database is and stays; a passing one without it")
    parser.add_argument("--fill-s", type=float, default=float("inf"), help="write for so long at most, to go on later")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="polyvox-bench-") as passing:
        database = SecretStr(arguments.database) if arguments.database else None
        settings = Settings(data_dir=arguments.folder or Path(passing), database=database, log_level="error")
        asyncio.run(measure(settings, arguments.segments, arguments.questions, arguments.fill_s))


if __name__ == "__main__":
    main()
