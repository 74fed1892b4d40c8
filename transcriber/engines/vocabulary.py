"""Whisper's vocabulary as CTranslate2 and tokenizers write it, out of openai-whisper's ranks."""

from __future__ import annotations

import json
from itertools import pairwise

from whisper.tokenizer import get_encoding

TIMESTAMPS = 1501
_PRINTED = (*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1))


def tokens(*, multilingual: bool, num_languages: int) -> list[str]:
    """All tokens in order of their ids, bytes as GPT-2 writes them."""
    encoding = _encoding(multilingual, num_languages)
    ranks: dict[bytes, int] = encoding._mergeable_ranks
    names = {rank: _written(token) for token, rank in ranks.items()}
    names.update({rank: token for token, rank in encoding._special_tokens.items()})
    return [names[index] for index in range(len(names))]


def tokenizer_json(*, multilingual: bool, num_languages: int) -> str:
    """A ``tokenizer.json`` that cuts text as openai-whisper does."""
    encoding = _encoding(multilingual, num_languages)
    ranks: dict[bytes, int] = encoding._mergeable_ranks
    ordered = sorted(ranks.items(), key=lambda item: item[1])
    merges = [_merged(ranks, token, rank) for token, rank in ordered if len(token) > 1]
    special = sorted(encoding._special_tokens.items(), key=lambda item: item[1])[:-TIMESTAMPS]
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return json.dumps(
        {
            "version": "1.0",
            "added_tokens": [
                {
                    "id": rank,
                    "content": token,
                    "single_word": False,
                    "lstrip": False,
                    "rstrip": False,
                    "normalized": False,
                    "special": True,
                }
                for token, rank in special
            ],
            "pre_tokenizer": level,
            "decoder": level,
            "model": {
                "type": "BPE",
                "vocab": {_written(token): rank for token, rank in ordered},
                "merges": [[_written(left), _written(right)] for left, right in merges],
            },
        },
        ensure_ascii=False,
    )


def _encoding(multilingual: bool, num_languages: int):  # type: ignore[no-untyped-def]
    return get_encoding("multilingual" if multilingual else "gpt2", num_languages)


def _letters() -> dict[int, str]:
    """GPT-2's letter for each byte: its own where that can be printed, else one from 256 on."""
    others = (byte for byte in range(256) if byte not in _PRINTED)
    return {**{byte: chr(byte) for byte in _PRINTED}, **{byte: chr(256 + n) for n, byte in enumerate(others)}}


_LETTERS = _letters()


def _written(token: bytes) -> str:
    return "".join(_LETTERS[byte] for byte in token)


def _merged(ranks: dict[bytes, int], token: bytes, rank: int) -> tuple[bytes, bytes]:
    """The two tokens that were joined to this one: what merging gets to when only earlier ranks are known."""
    parts = [bytes([byte]) for byte in token]
    while len(parts) > 2:
        pairs = [ranks.get(left + right, rank) for left, right in pairwise(parts)]
        first = min(range(len(pairs)), key=pairs.__getitem__)
        parts[first : first + 2] = [parts[first] + parts[first + 1]]
    return parts[0], parts[1]
