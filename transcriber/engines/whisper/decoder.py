"""The text decoder, a step at a time over any mix of tokens: prompts of new sequences and the next of running ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from whisper.model import LayerNorm, Whisper

from transcriber.engines.whisper.buckets import Buckets
from transcriber.engines.whisper.caches import Caches, Indices, Int8Caches, Shape, Tokens
from transcriber.engines.whisper.integer_blocks import joined
from transcriber.engines.whisper.integer_decoder import IntegerDecoder
from transcriber.engines.whisper.linear import Linear, LinearMaker
from transcriber.engines.whisper.tensor_caches import TensorCaches


@dataclass(frozen=True, slots=True)
class _Block:
    self_norm: Linear
    query_key_value: Linear
    self_out: Linear
    cross_norm: Linear
    cross_query: Linear
    cross_key_value: Linear
    cross_out: Linear
    mlp_norm: Linear
    up: Linear
    down: Linear


class Decoder:
    """openai-whisper's TextDecoder on its own weights, with caches of a fixed size.

    Args:
        rows: how many sequences may be written at once.
        slots: how many pieces of audio they may hear.
    """

    def __init__(self, model: Whisper, linear: LinearMaker, *, rows: int, slots: int) -> None:
        dims = model.dims
        heads = model.alignment_heads.to_dense().cpu()
        self.shape = Shape(
            layers=int(dims.n_text_layer),
            heads=int(dims.n_text_head),
            width=int(dims.n_text_state),
            context=int(dims.n_text_ctx),
            positions=int(dims.n_audio_ctx),
            rows=rows,
            slots=slots,
            recorded=tuple(tuple(int(head) for head in layer.nonzero()[:, 0]) for layer in heads),
        )
        self.dtype = linear.dtype
        """What ``hear`` takes."""
        self.caches: Caches
        self._buckets: Buckets | None = None
        self._integers: IntegerDecoder | None = None
        if linear.precision == "int8":
            caches = Int8Caches(self.shape)
            self.caches = caches
            self._integers = IntegerDecoder(model, caches)
        else:
            self._build(model, linear)

    def _build(self, model: Whisper, linear: LinearMaker) -> None:
        source, width = model.decoder, self.shape.width
        scale = self.shape.head_size**-0.5
        self._embedding = source.token_embedding.weight.detach().to(linear.device, linear.dtype)
        self._positional = source.positional_embedding.detach().to(linear.device, linear.dtype)
        self._norm = _norm(source.ln, linear)
        self._vocabulary = linear(source.token_embedding.weight.detach(), None)
        self._blocks = [
            _Block(
                self_norm=_norm(block.attn_ln, linear),
                query_key_value=linear(*_scaled(joined(*_parts(block.attn)), width, scale)),
                self_out=linear(*joined(block.attn.out)),
                cross_norm=_norm(block.cross_attn_ln, linear),
                cross_query=linear(*_scaled(joined(block.cross_attn.query), width, scale)),
                cross_key_value=linear(*joined(block.cross_attn.key, block.cross_attn.value)),
                cross_out=linear(*joined(block.cross_attn.out)),
                mlp_norm=_norm(block.mlp_ln, linear),
                up=linear(*joined(block.mlp[0])),
                down=linear(*joined(block.mlp[2])),
            )
            for block in source.blocks
        ]
        if linear.device == "cpu" and linear.precision == "bfloat16":
            self.caches = Int8Caches(self.shape)
            return
        caches = TensorCaches(self.shape, device=linear.device, dtype=linear.dtype)
        self.caches = caches
        self._buckets = Buckets(
            lambda located: self._logits(self._hidden(located.ids, located.positions, located)),
            device=linear.device,
            rows=self.shape.rows,
            beams=self.shape.rows // self.shape.slots,
            idle_position=self.shape.context - 1,
            idle_column=caches.unasked,
        )

    def hear(self, slot: int, features: Tensor) -> None:
        """Let ``slot`` hold the audio of ``features`` (positions, width)."""
        if self._integers is not None:
            self._integers.hear(slot, features)
            return
        for layer, block in enumerate(self._blocks):
            self.caches.hear(slot, layer, block.cross_key_value(features))

    def step(self, tokens: Tokens, wanted: Indices) -> Tensor:
        """Take in ``tokens``, all of a row's earlier ones being there already.

        Gives float32 logits (wanted, vocabulary) of what follows the tokens at the indices ``wanted``, good until the
        next step.
        """
        if self._integers is not None:
            return self._integers.step(tokens, wanted)
        if self._buckets is None:
            return self._eager(tokens, wanted)
        # Sequences that go on by a token each take the fixed sizes, prompts of new ones the long way after them.
        alone = np.bincount(tokens.rows)[tokens.rows] == 1
        logits = torch.empty(len(wanted), self._embedding.shape[0], device=self._embedding.device)
        for these, run in ((alone, self._by_bucket), (~alone, self._eager)):
            if these.any():
                among = np.cumsum(these) - 1
                asked = these[wanted]
                found = run(_only(tokens, these), among[wanted[asked]])
                logits[torch.as_tensor(asked.nonzero()[0], device=logits.device)] = found
        return logits

    def _by_bucket(self, tokens: Tokens, wanted: Indices) -> Tensor:
        assert self._buckets is not None
        return self._buckets.step(tokens)[torch.as_tensor(wanted, device=self._embedding.device)]

    def _eager(self, tokens: Tokens, wanted: Indices) -> Tensor:
        ids = torch.as_tensor(tokens.ids, device=self._embedding.device)
        positions = torch.as_tensor(tokens.positions, device=self._embedding.device)
        x = self._hidden(ids, positions, self.caches.locate(tokens))
        if len(wanted) < len(tokens.ids) or not np.array_equal(wanted, np.arange(len(tokens.ids))):
            x = x[torch.as_tensor(wanted, device=x.device)]
        return self._logits(x)

    def _hidden(self, ids: Tensor, positions: Tensor, located: Any) -> Tensor:
        x = self._embedding[ids] + self._positional[positions]
        for layer, block in enumerate(self._blocks):
            x = x + block.self_out(self.caches.attend_self(layer, block.query_key_value(block.self_norm(x)), located))
            x = x + block.cross_out(self.caches.attend_cross(layer, block.cross_query(block.cross_norm(x)), located))
            x = x + block.down(functional.gelu(block.up(block.mlp_norm(x))))
        return x

    def _logits(self, x: Tensor) -> Tensor:
        return self._vocabulary(self._norm(x)).float()


def _only(tokens: Tokens, these: NDArray[np.bool_]) -> Tokens:
    return Tokens(
        tokens.ids[these], tokens.rows[these], tokens.slots[these], tokens.positions[these], tokens.columns[these]
    )


def _parts(attention: torch.nn.Module) -> tuple[torch.nn.Linear, torch.nn.Linear, torch.nn.Linear]:
    return attention.query, attention.key, attention.value


def _scaled(layer: tuple[Tensor, Tensor], rows: int, scale: float) -> tuple[Tensor, Tensor]:
    """The first ``rows`` outputs, the query, times ``scale``."""
    weight, bias = layer[0].clone(), layer[1].clone()
    weight[:rows] *= scale
    bias[:rows] *= scale
    return weight, bias


def _norm(layer: LayerNorm, linear: LinearMaker) -> Linear:
    weight = layer.weight.detach().to(linear.device, linear.dtype)
    bias = layer.bias.detach().to(linear.device, linear.dtype)
    return lambda x: functional.layer_norm(x, weight.shape, weight, bias)
