"""The colour network's weights as a file stores them."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from nerfzip.errors import BitstreamError
from nerfzip.fields import ColourMLP
from nerfzip.quantization import Quantizer, fake_quantize, quantizer_by_rows


class _FakeQuantizedRows(nn.Module):
    def forward(self, weights: Tensor) -> Tensor:
        return fake_quantize(weights, quantizer_by_rows(weights))


def quantize_while_training(decoder: ColourMLP) -> None:
    """From now on the layers compute with the weights that their 8-bit form would decode to (straight-through)."""
    for layer in decoder.layers:
        parametrize.register_parametrization(layer, "weight", _FakeQuantizedRows())


def stop_quantizing(decoder: ColourMLP) -> None:
    """Ordinary weights again, with the values that training arrived at before quantization."""
    for layer in decoder.layers:
        parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)


def decoder_arrays(decoder: ColourMLP, kind: str) -> dict[str, np.ndarray]:
    """The arrays to store: all float16, or weights as int8 with a float32 scale a row and float16 biases."""
    arrays = {}
    for i, layer in enumerate(decoder.layers):
        assert isinstance(layer, nn.Linear)
        weight, bias = layer.weight.detach(), layer.bias.detach()
        if kind == "int8":
            quantizer = quantizer_by_rows(weight)
            arrays[f"{i}.weight"] = quantizer.quantize(weight).numpy()
            arrays[f"{i}.scale"] = quantizer.scale.numpy()
        else:
            arrays[f"{i}.weight"] = weight.half().numpy()
        arrays[f"{i}.bias"] = bias.half().numpy()
    return arrays


def expected_arrays(decoder: ColourMLP, kind: str) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Name, type and shape of what `decoder_arrays` gives, for checking a header."""
    return {name: (array.dtype.name, array.shape) for name, array in decoder_arrays(decoder, kind).items()}


def load_decoder(decoder: ColourMLP, arrays: dict[str, np.ndarray]) -> None:
    """Set the weights from stored arrays.

    Raises:
        BitstreamError: a scale that makes weights beyond float32.
    """
    for i, layer in enumerate(decoder.layers):
        assert isinstance(layer, nn.Linear)
        weight = torch.from_numpy(arrays[f"{i}.weight"])
        if f"{i}.scale" in arrays:
            layer.weight.data = Quantizer(torch.from_numpy(arrays[f"{i}.scale"])).dequantize(weight)
            if not bool(torch.isfinite(layer.weight).all()):
                raise BitstreamError(f"tensor 'decoder.{i}.scale': its weights are not finite")
        else:
            layer.weight.data = weight.float()
        layer.bias.data = torch.from_numpy(arrays[f"{i}.bias"]).float()
