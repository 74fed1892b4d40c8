"""What a stage must be told so that it works again. Pure."""

from __future__ import annotations

from polyvox.contracts import AudioSlice, Fact, MediaReady, PartReady, ReplayRequested, StageFailed
from polyvox.flac_frames import HEADER_BYTES
from results_api.view.view import RecordingView


def inputs(view: RecordingView, requested: ReplayRequested) -> list[Fact]:
    """The events to publish for a replay that was just requested: the stage's input, or why there is none."""
    if view.ready is None:
        return [_refused(requested, "not-decoded", "The recording is not decoded, so no later stage can run.")]
    if requested.stage != "merge" and view.audio_removed_at is not None:
        reason = f"Its audio was removed on {view.audio_removed_at:%Y-%m-%d}, so it cannot be listened to again."
        return [_refused(requested, "audio-removed", reason)]
    if requested.stage == "diarize":
        return [_again(view.ready.data, requested)]
    if requested.stage == "transcribe":
        return _parts(view.ready.data, requested)
    return []


def _again(ready: MediaReady, requested: ReplayRequested) -> MediaReady:
    return ready.model_copy(
        update={
            "lane": requested.lane,
            "replay": requested.replay,
            "options": requested.options,
            "force": requested.force,
        }
    )


def _parts(ready: MediaReady, requested: ReplayRequested) -> list[Fact]:
    mix = next((track for track in ready.tracks if track.channel is None), ready.tracks[0])
    parts: list[Fact] = []
    for span in ready.parts:
        if span.start_byte is None or span.end_byte is None:
            reason = "It was decoded by a version that did not note where its parts lie: upload it again."
            return [_refused(requested, "too-old", reason)]
        parts.append(
            PartReady(
                media_id=ready.media_id,
                tenant=ready.tenant,
                lane=requested.lane,
                replay=requested.replay,
                part=span.part,
                part_count=len(ready.parts),
                start_s=span.start_s,
                end_s=span.end_s,
                audio=AudioSlice(
                    key=mix.key, header_bytes=HEADER_BYTES, start_byte=span.start_byte, end_byte=span.end_byte
                ),
                options=requested.options,
                force=requested.force,
            )
        )
    return parts


def _refused(requested: ReplayRequested, code: str, reason: str) -> StageFailed:
    return StageFailed(
        media_id=requested.media_id,
        tenant=requested.tenant,
        lane=requested.lane,
        replay=requested.replay,
        stage=requested.stage,
        code=code,
        reason=reason,
    )
