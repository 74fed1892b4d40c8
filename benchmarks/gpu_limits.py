"""What a device could do at most: work and bytes of Whisper by its dimensions. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

WINDOW_S = 30.0
BYTES_EACH = 2


@dataclass(frozen=True, slots=True)
class Device:
    """``flops``: of dense products in 16 bits, a second; ``bytes_s``: read from its memory."""

    name: str
    flops: float
    bytes_s: float


DEVICES = (
    Device("H200", 989e12, 4.8e12),
    Device("H100", 989e12, 3.35e12),
    Device("A100", 312e12, 2.0e12),
    Device("L40", 181e12, 0.86e12),
    Device("L4", 121e12, 0.3e12),
    Device("RTX 4090", 165e12, 1.0e12),
)


@dataclass(frozen=True, slots=True)
class Work:
    """Of one window: the encoder's operations; bytes that each token reads, for it alone and for all rows together."""

    encoder_flop: float
    heard_bytes: float
    own_bytes: float
    weights_bytes: float

    def seconds(self, device: Device, *, tokens: int, rows: int) -> tuple[float, float]:
        """Encoder and decoder, if nothing else took time: what the work and the reads alone need."""
        read = self.heard_bytes + self.own_bytes + self.weights_bytes / rows
        return self.encoder_flop / device.flops, tokens * read / device.bytes_s


def work(dims: Mapping[str, int], *, tokens: int) -> Work:
    """``dims``: openai-whisper's ModelDimensions; ``tokens``: written for each window."""
    audio, text, positions, layers = (dims[k] for k in ("n_audio_state", "n_text_state", "n_audio_ctx", "n_text_layer"))
    block = 24 * audio**2 * positions + 4 * positions**2 * audio
    convolutions = 2 * (3 * dims["n_mels"] * audio * 2 * positions + 3 * audio**2 * positions)
    # Cross-attention's keys and values are made once for a window, which is work of the encoder's kind.
    heard = layers * 4 * text**2 * positions
    return Work(
        encoder_flop=dims["n_audio_layer"] * block + convolutions + heard,
        heard_bytes=layers * 2 * positions * text * BYTES_EACH,
        own_bytes=layers * 2 * (tokens / 2) * text * BYTES_EACH,
        weights_bytes=(layers * 14 * text**2 + dims["n_vocab"] * text) * BYTES_EACH,
    )


def known(name: str) -> Device | None:
    """The device of that name, as its driver calls it."""
    return next((device for device in DEVICES if device.name in name), None)
