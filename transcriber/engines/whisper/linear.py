"""Linear layers in the precision that a device does fastest.

``int8`` quantises each row of the input at each call, and each output channel of the weights once. Without
VNNI, x86 adds two products in 16 bits, which 8 by 8 bits overflow: weights leave room for all but the rarest.
"""

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

WEIGHT_STEPS = 100
"""Of 127. Measured on the encoder's features: 63, which never overflows, 8.5 % off; 100 7.5 %; 127 9.1 %."""

FEW_ROWS_ENGINE = "fbgemm"
MANY_ROWS_ENGINE = "onednn"
"""Which of torch's int8 libraries: measured with 16 rows (fbgemm 2 to 3 times faster) and with 1,500."""


def choose_precision(device: str) -> Precision:
    """What ``auto`` means on a device such as ``cpu`` or ``cuda:0``."""
    if device != "cpu":
        return "float16"
    if torch.cpu._is_avx512_bf16_supported():
        return "bfloat16"
    return "int8" if FEW_ROWS_ENGINE in torch.backends.quantized.supported_engines else "float32"


@dataclass(frozen=True, slots=True)
class LinearMaker:
    """Makes linear layers of one precision on one device."""

    precision: Precision
    device: str

    @property
    def dtype(self) -> torch.dtype:
        """What goes between the layers."""
        return torch.float32 if self.precision == "int8" else getattr(torch, self.precision)

    def __call__(self, weight: Tensor, bias: Tensor | None, *, many_rows: bool) -> Linear:
        """A layer from float32 ``weight`` (outputs, inputs) and ``bias`` (outputs,)."""
        if self.precision == "int8":
            return _int8(weight, bias, MANY_ROWS_ENGINE if many_rows else FEW_ROWS_ENGINE)
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


def _int8(weight: Tensor, bias: Tensor | None, engine: str) -> Linear:
    previous = torch.backends.quantized.engine
    if engine in torch.backends.quantized.supported_engines:
        torch.backends.quantized.engine = engine
    steps = (weight.abs().amax(1) / WEIGHT_STEPS).clamp_min(1e-12).double()
    zeros = torch.zeros(weight.shape[0], dtype=torch.long)
    quantised = torch.quantize_per_channel(weight, steps, zeros, 0, torch.qint8)
    packed = torch.ops.quantized.linear_prepack(quantised, None)
    torch.backends.quantized.engine = previous

    def forward(x: Tensor) -> Tensor:
        # torch takes one scale for all of its input. Whisper's rows differ by orders of magnitude: with a scale for
        # each row, the encoder's error is half.
        tops = x.abs().amax(-1, keepdim=True).clamp_min_(1e-9)
        product = torch.ops.quantized.linear_dynamic(x / tops, packed, False)
        return product.mul_(tops) if bias is None else torch.addcmul(bias, product, tops)

    return forward
