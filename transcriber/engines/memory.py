"""How much memory of a device Whisper takes, and how much of it fits into a bound. Pure.

Sizes follow from a model's dimensions alone; what cannot be known beforehand (the libraries' own work space, what the
allocator holds back) is one fixed amount and one share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MIB = 1 << 20
LIBRARIES_BYTES = 768 * MIB
"""CUDA's context, cuBLAS and its work space, in each process."""

SLACK = 0.1
"""Of the bound: what the allocator cannot hand out in one piece."""

MOST_WINDOWS = 128
MOST_ENCODED = 32


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes: of the weights, of each window that is being written, of each that is being encoded."""

    weights: int
    window: int
    encoded: int


@dataclass(frozen=True, slots=True)
class Room:
    """``windows`` written at once, ``encoded`` at once."""

    windows: int
    encoded: int


def sizes(dims: Mapping[str, int], *, heads_recorded: int, beams: int = 1, bytes_each: int = 2) -> Sizes:
    """What a model takes.

    Args:
        dims: openai-whisper's ModelDimensions.
        heads_recorded: of cross-attention, whose scores are kept for the times of words.
        bytes_each: of a number: 2 for float16 and bfloat16, 4 for float32.
    """
    audio, text, positions = dims["n_audio_state"], dims["n_text_state"], dims["n_audio_ctx"]
    layers, context = dims["n_text_layer"], dims["n_text_ctx"]
    encoder = dims["n_audio_layer"] * 12 * audio**2 + 3 * audio * (dims["n_mels"] + audio) + positions * audio
    decoder = layers * 16 * text**2 + (dims["n_vocab"] + context) * text
    heard = layers * 2 * positions * text
    own = beams * layers * 2 * context * text
    recorded = beams * heads_recorded * (context // 2 + 2) * positions
    # Logits are float32, once as they come and once as they are chosen from.
    logits = beams * 2 * dims["n_vocab"] * 4
    # The widest of a block: four times the width twice (before and after the activation), and what it is added to.
    block = positions * audio * (4 + 4 + 3)
    spectrogram = 2 * positions * (dims["n_mels"] + 2 * audio)
    features = positions * audio
    return Sizes(
        weights=bytes_each * (encoder + decoder),
        window=bytes_each * (heard + own + recorded + features) + logits,
        encoded=bytes_each * (block + spectrogram),
    )


def room(needed: Sizes, bound_bytes: int | None, *, wanted: Room) -> Room | None:
    """As much of ``wanted`` as fits into the bound beside the weights, encoding at most a quarter; None: nothing does.

    ``bound_bytes`` None: all that is wanted.
    """
    if bound_bytes is None:
        return wanted
    free = int(bound_bytes * (1 - SLACK)) - LIBRARIES_BYTES - needed.weights
    if free < needed.window + needed.encoded:
        return None
    encoded = max(1, min(wanted.encoded, free // 4 // needed.encoded))
    windows = min(wanted.windows, (free - encoded * needed.encoded) // needed.window)
    return Room(max(1, windows), encoded)


def whole(needed: Sizes, taken: Room) -> int:
    """Bytes of a model with so much room, without the libraries'."""
    return needed.weights + taken.windows * needed.window + taken.encoded * needed.encoded


def fraction(bound_bytes: int, device_bytes: int) -> float:
    """What share of a device a process may take, as torch is told it."""
    return min(1.0, bound_bytes / device_bytes)


def to_give_up(held: Mapping[str, int], coming: int, bound_bytes: int) -> list[str]:
    """Which models have to go, the one that was needed longest ago first, before one of ``coming`` bytes fits.

    ``held``: bytes of the models that are loaded, in the order of their use. All of them, if it takes that.
    """
    free = int(bound_bytes * (1 - SLACK)) - LIBRARIES_BYTES - sum(held.values())
    gone = []
    for name, size in held.items():
        if free >= coming:
            break
        gone.append(name)
        free += size
    return gone
