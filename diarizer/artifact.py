"""From an engine's result to the artifact in the store. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from diarizer import turns as arithmetic
from diarizer.engines.base import Diarized, DiarizeOptions, EngineTurn
from polyvox import keys
from polyvox.contracts import (
    AudioTrack,
    Diarization,
    DiarizationProgressed,
    MediaDiarized,
    MediaReady,
    Options,
    SpeakerEmbedding,
    SpeechRegion,
    Turn,
)


def engine_options(options: Options) -> DiarizeOptions:
    channels = options.channels if options.channels != "mix" else None
    return DiarizeOptions(options.num_speakers, options.min_speakers, options.max_speakers, channels)


def channel_tracks(ready: MediaReady) -> list[AudioTrack]:
    """The channels that may each be a speaker; none where nobody asked for that or there are no two."""
    kept = [track for track in ready.tracks if track.channel is not None]
    return kept if ready.options.channels in ("split", "auto") and len(kept) > 1 else []


def warnings(ready: MediaReady, found: Iterable[str]) -> list[str]:
    """What to say to the uploader: who asked for a speaker on each channel hears why there is none."""
    if ready.options.channels != "split":
        return []
    if channel_tracks(ready):
        return list(found)
    if ready.source.channels != 2:
        count = "1 channel" if ready.source.channels == 1 else f"{ready.source.channels} channels"
        why = f"the file has {count}, not the two of a call"
    elif ready.source.audio_tracks > 1:
        why = "the file has several sound tracks"
    else:
        why = "the file's two channels are the same, or were not kept when it was decoded"
    return [f"Speakers were told apart by their voices: {why}."]


def options_hash(options: DiarizeOptions, pipeline: str, *, forced_by: str | None = None) -> str:
    """Changes with whatever changes the turns, and with the replay that wants them made again."""
    return keys.options_hash(
        {
            **({"replay": forced_by} if forced_by else {}),
            "pipeline": pipeline,
            "num_speakers": options.num_speakers,
            "min_speakers": options.min_speakers,
            "max_speakers": options.max_speakers,
            # Left out where it is as it always was, so that turns from before it could be chosen are found.
            **({"channels": options.channels} if options.channels else {}),
        }
    )


def artifact(
    diarized: Diarized, *, media_id: str, duration_s: float, engine: str, model: str, warnings: Sequence[str] = ()
) -> Diarization:
    """Times in milliseconds' precision; speech is where anybody speaks."""
    seconds = arithmetic.speech_s(diarized.turns)
    return Diarization(
        media_id=media_id,
        duration_s=duration_s,
        turns=_turns(diarized.turns),
        exclusive_turns=_turns(diarized.exclusive_turns),
        overlaps=_regions(arithmetic.overlaps(diarized.turns)),
        speech=_regions(arithmetic.union(diarized.turns)),
        speakers=[
            SpeakerEmbedding(
                speaker=speaker,
                vector=[round(float(value), 6) for value in diarized.embeddings.get(speaker, ())],
                speech_s=_ms(seconds[speaker]),
                channel=diarized.channels.get(speaker),
            )
            for speaker in arithmetic.names_by_first_speech(diarized.turns)
        ],
        warnings=list(warnings),
        engine=engine,
        model=model,
    )


def progress(ready: MediaReady, *, hash_: str, heard_s: float) -> DiarizationProgressed:
    return DiarizationProgressed(
        media_id=ready.media_id,
        tenant=ready.tenant,
        lane=ready.lane,
        replay=ready.replay,
        options_hash=hash_,
        heard_s=_ms(heard_s),
        audio_s=ready.duration_s,
    )


def key_of(ready: MediaReady, hash_: str) -> str:
    """Where the turns of this recording go: beside its audio."""
    return keys.beside(ready.tracks[0].key, keys.diarization(ready.media_id, hash_))


def event(ready: MediaReady, diarization: Diarization, *, hash_: str, processing_s: float) -> MediaDiarized:
    return MediaDiarized(
        media_id=ready.media_id,
        tenant=ready.tenant,
        lane=ready.lane,
        replay=ready.replay,
        diarization_key=key_of(ready, hash_),
        options_hash=hash_,
        engine=diarization.engine,
        model=diarization.model,
        speaker_count=len(diarization.speakers),
        audio_s=diarization.duration_s,
        processing_s=round(processing_s, 3),
    )


def _turns(turns: Iterable[EngineTurn]) -> list[Turn]:
    return [Turn(start_s=_ms(turn.start_s), end_s=_ms(turn.end_s), speaker=turn.speaker) for turn in turns]


def _regions(regions: Iterable[arithmetic.Region]) -> list[SpeechRegion]:
    return [SpeechRegion(start_s=_ms(start), end_s=_ms(end)) for start, end in regions]


def _ms(seconds: float) -> float:
    return round(seconds, 3)
