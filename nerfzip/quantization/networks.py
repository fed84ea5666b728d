"""Networks as files store them: weights of 8 bits with a scale for each row, or floats.

Names are those of `state_dict`; a weight of 8 bits has its scales behind it: `0.weight`, `0.scale`, `0.bias`.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from nerfzip.errors import BitstreamError
from nerfzip.quantization.scalar import Quantizer, fake_quantize, quantizer_by_rows

_WEIGHT, _SCALE = "weight", "scale"


class _FakeQuantizedRows(nn.Module):
    def __init__(self, bits: int) -> None:
        super().__init__()
        self.bits = bits

    def forward(self, weights: Tensor) -> Tensor:
        return fake_quantize(weights, quantizer_by_rows(weights, self.bits))


def quantize_while_training(network: nn.Module, bits: int = 8) -> None:
    """From now on the layers compute with the weights that their quantized form would decode to (straight-through)."""
    for layer in _linear_layers(network).values():
        parametrize.register_parametrization(layer, _WEIGHT, _FakeQuantizedRows(bits))


def stop_quantizing(network: nn.Module) -> None:
    """Ordinary weights again, with the values that training arrived at before quantization."""
    for layer in _linear_layers(network).values():
        parametrize.remove_parametrizations(layer, _WEIGHT, leave_parametrized=False)


def _linear_layers(network: nn.Module) -> dict[str, nn.Linear]:
    return {name: layer for name, layer in network.named_modules() if isinstance(layer, nn.Linear)}


def network_arrays(network: nn.Module, kind: str, bits: int = 8) -> dict[str, np.ndarray]:
    """The arrays to store.

    Args:
        network: of linear layers.
        kind: "int8": weights as int8 with a float32 scale a row, biases as float16; "float16" and "float32": all so.
        bits: of "int8", from 2 to 8: with fewer than 8, codes are fewer too, and an entropy coder makes them short.
    """
    arrays = {}
    for name, values in _parameters(network).items():
        if kind == "int8" and name.endswith(_WEIGHT):
            quantizer = quantizer_by_rows(values, bits)
            arrays[name] = quantizer.quantize(values).cpu().numpy()
            arrays[_scale_of(name)] = quantizer.scale.cpu().numpy()
        else:
            arrays[name] = values.cpu().numpy().astype(np.float32 if kind == "float32" else np.float16)
    return arrays


def network_layout(network: nn.Module, kind: str) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Type and shape of each array that `network_arrays` gives, by its name."""
    return {name: (array.dtype.name, array.shape) for name, array in network_arrays(network, kind).items()}


def load_network(network: nn.Module, arrays: dict[str, np.ndarray]) -> None:
    """Set the weights from stored arrays.

    Raises:
        BitstreamError: a weight is not finite.
    """
    state = {}
    for name, parameter in _parameters(network).items():
        values = torch.from_numpy(arrays[name])
        if _scale_of(name) in arrays:
            values = Quantizer(torch.from_numpy(arrays[_scale_of(name)])).dequantize(values)
        state[name] = values.float().to(parameter.device)
        if not bool(torch.isfinite(state[name]).all()):
            raise BitstreamError(f"network: NaN or infinity in {name}, expected finite values")
    network.load_state_dict(state)


def _parameters(network: nn.Module) -> dict[str, Tensor]:
    """Each layer's weight, then its bias; in `state_dict` the order changes when a layer was quantized in training."""
    state = network.state_dict()
    names = [f"{layer}.{part}" for layer in _linear_layers(network) for part in (_WEIGHT, "bias")]
    return {name: state[name] for name in names if name in state}


def _scale_of(name: str) -> str:
    return name.removesuffix(_WEIGHT) + _SCALE if name.endswith(_WEIGHT) else ""
