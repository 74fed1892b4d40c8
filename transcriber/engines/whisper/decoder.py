"""The text decoder, a step at a time over any mix of tokens: prompts of new sequences and the next of running ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from whisper.model import LayerNorm, Whisper

from transcriber.engines.whisper.caches import Caches, Indices, Int8Caches, Shape, Tokens
from transcriber.engines.whisper.encoder import fused
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
        source = model.decoder
        dims = model.dims
        scale = (dims.n_text_state // dims.n_text_head) ** -0.5
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
        self._embedding = source.token_embedding.weight.detach().to(linear.device, linear.dtype)
        self._positional = source.positional_embedding.detach().to(linear.device, linear.dtype)
        self._norm = _norm(source.ln, linear)
        self._vocabulary = linear(source.token_embedding.weight.detach(), None, many_rows=False)
        self._blocks = [
            _Block(
                self_norm=_norm(block.attn_ln, linear),
                query_key_value=linear(*_scaled(fused(*_parts(block.attn)), self.shape.width, scale), many_rows=False),
                self_out=linear(*fused(block.attn.out), many_rows=False),
                cross_norm=_norm(block.cross_attn_ln, linear),
                cross_query=linear(*_scaled(fused(block.cross_attn.query), self.shape.width, scale), many_rows=False),
                cross_key_value=linear(*fused(block.cross_attn.key, block.cross_attn.value), many_rows=True),
                cross_out=linear(*fused(block.cross_attn.out), many_rows=False),
                mlp_norm=_norm(block.mlp_ln, linear),
                up=linear(*fused(block.mlp[0]), many_rows=False),
                down=linear(*fused(block.mlp[2]), many_rows=False),
            )
            for block in source.blocks
        ]
        self.caches: Caches
        if linear.device == "cpu" and linear.precision in ("int8", "bfloat16"):
            self.caches = Int8Caches(self.shape)
        else:
            self.caches = TensorCaches(self.shape, device=linear.device, dtype=linear.dtype)

    def hear(self, slot: int, features: Tensor) -> None:
        """Let ``slot`` hold the audio of ``features`` (positions, width)."""
        for layer, block in enumerate(self._blocks):
            self.caches.hear(slot, layer, block.cross_key_value(features))

    def step(self, tokens: Tokens, wanted: Indices) -> Tensor:
        """Take in ``tokens``, all of a row's earlier ones being there already.

        Gives float32 logits (wanted, vocabulary) of what follows the tokens at the indices ``wanted``.
        """
        located = self.caches.locate(tokens)
        ids = torch.as_tensor(tokens.ids, device=self._embedding.device)
        positions = torch.as_tensor(tokens.positions, device=self._embedding.device)
        x = self._embedding[ids] + self._positional[positions]
        for layer, block in enumerate(self._blocks):
            x = x + block.self_out(self.caches.attend_self(layer, block.query_key_value(block.self_norm(x)), located))
            x = x + block.cross_out(self.caches.attend_cross(layer, block.cross_query(block.cross_norm(x)), located))
            x = x + block.down(functional.gelu(block.up(block.mlp_norm(x))))
        if len(wanted) < len(tokens.ids) or not np.array_equal(wanted, np.arange(len(tokens.ids))):
            x = x[torch.as_tensor(wanted, device=x.device)]
        return self._vocabulary(self._norm(x)).float()


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
