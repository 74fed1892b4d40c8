"""What lives in the child process of the engine: it finds speech in a part and cuts it into files to send."""

from __future__ import annotations

from dataclasses import dataclass

from polyvox.audio import decode_flac, encode_flac
from transcriber.engines.openai.slices import Rule, slices, within
from transcriber.engines.vad import find_speech
from transcriber.speech import Region
from transcriber.windows import MAX_S, SAMPLE_RATE_HZ, Window, spread


@dataclass(frozen=True, slots=True)
class Slice:
    """``flac`` is what is heard in ``window``: 16 kHz mono, a file of its own."""

    window: Window
    flac: bytes


@dataclass(frozen=True, slots=True)
class Cut:
    """``speech`` is what was heard, in seconds from the start of the part."""

    speech: list[Region]
    slices: list[Slice]


class Cutter:
    """Needs no weights but those of the voice activity detector."""

    def cut(self, flac: bytes, rule: Rule) -> Cut:
        """A 16 kHz mono FLAC as slices that hold all of its speech.

        Raises:
            Invalid: the audio is broken.
        """
        audio = decode_flac(flac)
        found = find_speech(audio, longest_s=min(rule.speech_s, MAX_S), speech_from=rule.speech_from)
        speech = within(found, rule.stretches)
        windows = slices(speech, rule, duration_s=audio.size / SAMPLE_RATE_HZ)
        if rule.most is not None:
            windows = [windows[index] for index in spread(windows, rule.most)]
        return Cut(speech, [Slice(window, encode_flac(window.cut(audio))) for window in windows])


def build() -> Cutter:
    """The factory that the child process is given."""
    return Cutter()
