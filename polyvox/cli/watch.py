"""`polyvox watch`: what is said in a recording, as it is written down."""

from __future__ import annotations

import json
import math
import sys
from contextlib import aclosing
from dataclasses import asdict, dataclass

import click

from polyvox.cli import interruption
from polyvox.cli.servers import connected_async, server_option
from polyvox.client import Recording
from polyvox.client.following import states_async
from polyvox.contracts import Transcript


@click.command()
@click.argument("media_id")
@server_option
@click.option("--progress", "only_progress", is_flag=True, help="Say how far it is, not what is said.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line: each state, or each segment.")
def command(media_id: str, server: str, only_progress: bool, as_json: bool) -> None:
    """Follow a recording to its end: print its words as soon as they are there, in their order.

    Speakers are told apart at the end: who said what is in the finished transcript, `polyvox export MEDIA_ID`.
    Lost connections and restarts of the server are waited for.

    The exit status is 1 if there is no transcript in the end.
    """
    watching = _states(media_id, server, as_json=as_json) if only_progress else _segments(media_id, server, as_json)
    sys.exit(0 if interruption.run(watching) else 1)


async def _states(media_id: str, server: str, *, as_json: bool) -> bool:
    said = ""

    def show(state: Recording) -> None:
        nonlocal said
        left = f", about {state.eta_s:.0f} s left" if state.eta_s else ""
        reason = f": {state.reason}" if state.reason else ""
        line = json.dumps(state.document) if as_json else f"{state.status} {state.progress:.0%}{left}{reason}"
        if line != said:
            click.echo(line)
            said = line

    async with connected_async(server) as client:
        return (await client.wait(media_id, progress=show)).status == "completed"


async def _segments(media_id: str, server: str, as_json: bool) -> bool:
    written_s = 0.0
    async with connected_async(server) as client, aclosing(states_async(lambda: client.events(media_id))) as states:
        async for state in states:
            reached_s = math.inf if state.is_final else settled_s(state)
            if reached_s <= written_s:
                continue
            # Of a recording that failed or is gone the server says why.
            for said in news(await client.transcript(media_id), written_s, reached_s):
                click.echo(json.dumps(asdict(said), ensure_ascii=False) if as_json else _line(said))
                written_s = said.end
    return True


@dataclass(frozen=True, slots=True)
class Said:
    """Seconds from the start of the recording; ``speaker`` is a label, None where it is not known yet."""

    start: float
    end: float
    speaker: str | None
    text: str


def settled_s(state: Recording) -> float:
    """Up to where the words are there, so that nothing comes before them any more."""
    reached_s = 0.0
    for part in state.document.get("parts") or ():
        if part.get("status") not in ("done", "failed"):
            break
        reached_s = float(part["end"])
    return reached_s


def news(transcript: Transcript, written_s: float, reached_s: float) -> list[Said]:
    """What is said after ``written_s``, in segments that end by ``reached_s``: those before it may still grow."""
    labels = {speaker.id: speaker.label for speaker in transcript.speakers}
    found = []
    for segment in transcript.segments:
        if segment.end > reached_s:
            break
        # Speakers that came meanwhile may have cut what was written in other places.
        words = [word for word in segment.words if word.start >= written_s]
        if segment.start >= written_s:
            text = segment.text.strip()
        elif words:
            text = "".join(word.word for word in words).strip()
        else:
            continue
        start = max(segment.start, words[0].start) if words else segment.start
        found.append(Said(start, segment.end, labels.get(segment.speaker or ""), text))
    return found


def _line(said: Said) -> str:
    minutes, seconds = divmod(int(said.start), 60)
    who = f"{said.speaker}: " if said.speaker else ""
    return f"[{minutes // 60:02}:{minutes % 60:02}:{seconds:02}] {who}{said.text}"
