"""Linear layers of torch in the precision that a device does fastest; those in whole numbers are in integers.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

Precision = Literal["float32", "float16", "bfloat16", "int8"]
Linear = Callable[[Tensor], Tensor]
"""(…, inputs) to (…, outputs)."""


def choose_precision(device: str) -> Precision:
    """What ``auto`` means on a device such as ``cpu`` or ``cuda:0``.

    Vectors multiply bfloat16 no faster than 16-bit integers, which lose less; the matrix unit of a CPU does.
    """
    if device != "cpu":
        return "float16"
    return "bfloat16" if torch.cpu._is_amx_tile_supported() else "int8"


@dataclass(frozen=True, slots=True)
class LinearMaker:
    """Makes linear layers of one precision on one device."""

    precision: Precision
    device: str

    @property
    def dtype(self) -> torch.dtype:
        """What goes between the layers."""
        return torch.float32 if self.precision == "int8" else getattr(torch, self.precision)

    def __call__(self, weight: Tensor, bias: Tensor | None) -> Linear:
        """A layer from float32 ``weight`` (outputs, inputs) and ``bias`` (outputs,)."""
        weight = weight.to(self.device, self.dtype)
        bias = None if bias is None else bias.to(self.device, self.dtype)
        if self.precision == "bfloat16" and self.device == "cpu" and torch.cpu._is_avx512_bf16_supported():
            return _packed(weight, bias)
        return lambda x: functional.linear(x, weight, bias)


def _packed(weight: Tensor, bias: Tensor | None) -> Linear:
    """Weights in the order in which oneDNN reads them."""
    packed = torch.ops.mkldnn._reorder_linear_weight(weight)

    def forward(x: Tensor) -> Tensor:
        return torch.ops.mkldnn._linear_pointwise(x, packed, bias, "none", [], "")

    return forward
