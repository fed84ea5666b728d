"""The network that training sees is the network that the file decodes to."""

import copy

import pytest
import torch

from nerfzip.fields import ColourMLP
from nerfzip.quantization.networks import (
    load_network,
    network_arrays,
    network_layout,
    quantize_while_training,
    stop_quantizing,
)


def a_decoder(seed: int = 0, diffuse: bool = False) -> ColourMLP:
    torch.manual_seed(seed)
    decoder = ColourMLP(12, width=16, layers=2, frequencies=2, diffuse=diffuse)
    for parameter in decoder.parameters():
        parameter.data.normal_()
    # A row of zeros, and a row of tiny weights beside one of large ones.
    decoder.layers[0].weight.data[0] = 0
    decoder.layers[1].weight.data[1] *= 1e-6
    decoder.layers[1].weight.data[2] *= 1e3
    return decoder


def reloaded(decoder: ColourMLP, kind: str, bits: int = 8) -> ColourMLP:
    other = a_decoder(seed=1)
    load_network(other.layers, network_arrays(decoder.layers, kind, bits))
    return other


@pytest.mark.parametrize("bits", [8, 5])
def test_training_computes_with_the_files_weights_to_the_bit(bits: int) -> None:
    decoder = a_decoder()
    from_file = reloaded(decoder, "int8", bits)
    for layer in decoder.layers:  # which the file rounds, and training does not
        layer.bias.data = layer.bias.data.half().float()
    original = copy.deepcopy(decoder)
    quantize_while_training(decoder.layers, bits)
    for training, stored in zip(decoder.layers, from_file.layers, strict=True):
        assert training.weight.detach().numpy().tobytes() == stored.weight.detach().numpy().tobytes()
    inputs = torch.randn(50, 12), torch.nn.functional.normalize(torch.randn(50, 3), dim=1)
    assert torch.equal(decoder(*inputs), from_file(*inputs))
    assert not torch.equal(decoder(*inputs), original(*inputs))
    stop_quantizing(decoder.layers)
    assert torch.equal(decoder(*inputs), original(*inputs))
    assert decoder.state_dict().keys() == original.state_dict().keys()
    assert list(network_arrays(decoder.layers, "int8")) == list(network_layout(original.layers, "int8"))


def test_still_so_after_training_steps() -> None:
    decoder = a_decoder()
    quantize_while_training(decoder.layers)
    inputs = torch.randn(50, 12), torch.nn.functional.normalize(torch.randn(50, 3), dim=1)
    optimizer = torch.optim.Adam(decoder.parameters(), lr=0.01)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = (decoder(*inputs) - 0.3).square().mean()
        loss.backward()
        losses.append(float(loss.detach()))
        optimizer.step()
    assert losses[-1] < 0.7 * losses[0]
    weights = [layer.weight.detach().clone() for layer in decoder.layers]
    stop_quantizing(decoder.layers)
    from_file = reloaded(decoder, "int8")
    for weight, layer in zip(weights, from_file.layers, strict=True):
        assert torch.equal(weight, layer.weight)


def test_the_gradient_goes_straight_through() -> None:
    decoder = a_decoder()
    quantize_while_training(decoder.layers)
    weight = decoder.layers[1].weight
    (weight * torch.arange(16.0)).sum().backward()
    raw = decoder.layers[1].parametrizations.weight.original
    torch.testing.assert_close(raw.grad, torch.arange(16.0).expand(16, 16))


def test_float16_is_half_precision() -> None:
    decoder = a_decoder()
    for original, stored in zip(decoder.parameters(), reloaded(decoder, "float16").parameters(), strict=True):
        assert torch.equal(stored, original.half().float())


def test_int8_errs_by_half_a_step_of_its_row() -> None:
    decoder = a_decoder()
    for original, stored in zip(decoder.layers, reloaded(decoder, "int8").layers, strict=True):
        step = original.weight.abs().amax(dim=1, keepdim=True) / 127
        assert bool(((stored.weight - original.weight).abs() <= step / 2 * 1.0001).all())
        assert torch.equal(stored.bias, original.bias.half().float())


@pytest.mark.parametrize("kind", ["int8", "float16", "float32"])
def test_the_layout_is_that_of_what_comes(kind: str) -> None:
    arrays = network_arrays(a_decoder().layers, kind)
    assert network_layout(a_decoder(seed=2).layers, kind) == {
        name: (a.dtype.name, a.shape) for name, a in arrays.items()
    }
    assert arrays["0.weight"].dtype.name == kind
