"""What a simulated run says, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.scale.cluster import Cluster
from benchmarks.scale.group import Group
from benchmarks.scale.load import FLOOD

PERCENTILES = (50, 90, 99, 99.9)


def line(cluster: Cluster, minute: int) -> str:
    """How it stands."""
    counts = cluster.world.measures.counts
    waits = {
        lane: sum(a.audio_s for (_, at), a in cluster.accounts.items() if at == lane) / 3600
        for lane in ("interactive", "bulk")
    }
    return (
        f"{minute:4d} min  accepted {counts['recordings accepted']:,}  completed {counts['recordings completed']:,}  "
        f"waiting: interactive {waits['interactive']:,.1f} h, bulk {waits['bulk']:,.1f} h"
    )


def page(cluster: Cluster, *, hours: float, took_s: float, peak_mib: float) -> str:
    counts = cluster.world.measures.counts
    size = cluster.size
    blocks = [
        f"{size.scaled(size.transcribers)} transcribers, {size.scaled(size.diarizers)} diarizers, "
        f"{size.scaled(size.partitions)} partitions a lane; {hours:g} simulated hours in {took_s:.0f} s, "
        f"{peak_mib:.0f} MiB of memory.",
        table("Wait for a transcriber, seconds", cluster, "transcribe"),
        table("Wait for a diarizer, seconds", cluster, "diarize"),
        table("From upload to result, seconds (of those that have one)", cluster, "turnaround"),
        "Busy: " + ", ".join(f"{name} {busy(group, hours):.1%}" for name, group in groups(cluster)) + ".",
        "Rebalances: "
        + ", ".join(
            f"{name} {group.rounds} rounds, {group.moved} partitions moved, {group.dealing_s:.2f} s to deal"
            for name, group in groups(cluster)
        )
        + ".",
        f"Normalisers busy on average: {cluster.decoding_s / hours / 3600:.0f} cores.",
        f"Most bulk that waited of the flooding tenant: {cluster.worst_s[FLOOD] / 3600:,.0f} h; "
        f"its limit: {cluster.limit_s / 3600:,.0f} h.",
        "| counted | |\n|---|---|\n" + "\n".join(f"| {name} | {count:,} |" for name, count in sorted(counts.items())),
    ]
    return "\n\n".join(blocks)


def groups(cluster: Cluster) -> list[tuple[str, Group]]:
    return [("transcribers", cluster.transcribers), ("diarizers", cluster.diarizers)]


def busy(group: Group, hours: float) -> float:
    """Of the workers there are at the end."""
    workers = group.workers.values()
    return sum(worker.busy_s for worker in workers) / (len(workers) * hours * 3600)


def table(title: str, cluster: Cluster, what: str) -> str:
    head = " | ".join(f"p{percentile:g}" for percentile in PERCENTILES)
    rows = [f"| {title} | count | {head} | most |", "|---|---|" + "---|" * (len(PERCENTILES) + 1)]
    for lane, kind, values in cluster.world.measures.rows(what):
        rows.append(f"| {lane}, {kind} | {len(values):,} | {' | '.join(figures(values))} |")
    return "\n".join(rows)


def figures(values: Sequence[float]) -> list[str]:
    found = [*np.percentile(np.asarray(values), PERCENTILES), max(values)]
    return [f"{value:,.1f}" for value in found]
