"""Maps of networks, against a loop that shows each sample to each of its networks."""

import pytest
import torch
from scipy.special import sph_harm_y
from torch import Tensor

from methods.mlp_maps.colour_maps import ColourMap, ColourNetwork, Lookup, ViewEncoding
from nerfzip.fields.encoding import encode_harmonics

NETWORK = ColourNetwork(features=6, hidden=5, view=9)


def one_network(parameters: Tensor, features: Tensor, view: Tensor) -> Tensor:
    """Layer by layer: linear, linear with the view and ReLU, linear (sheet mlp_maps.md, §1.4)."""
    h, f, v = NETWORK.hidden, NETWORK.features, NETWORK.view
    first, second, last = (
        parameters[: h * f],
        parameters[h * f : h * f + h * (h + v)],
        parameters[h * f + h * (h + v) :],
    )
    hidden = first.view(h, f) @ features
    hidden = (second.view(h, h + v) @ torch.cat([hidden, view])).relu()
    return last.view(3, h) @ hidden


def looped(colour_map: Tensor, lookup: Lookup, coordinates: Tensor, features: Tensor, views: Tensor) -> Tensor:
    cells, rows = len(colour_map), []
    for (u, v), feature, view in zip(coordinates.tolist(), features, views, strict=True):
        if lookup is Lookup.BIN or cells == 1:
            i, j = (min(int(value * cells), cells - 1) for value in (u, v))
            rows.append(one_network(colour_map[i, j], feature, view))
            continue
        x, y = u * (cells - 1), v * (cells - 1)
        i, j = min(int(x), cells - 2), min(int(y), cells - 2)
        corners = [(i + a, j + b, abs(1 - a - (x - i)) * abs(1 - b - (y - j))) for a in (0, 1) for b in (0, 1)]
        rows.append(sum((w * one_network(colour_map[k, m], feature, view) for k, m, w in corners), torch.zeros(3)))
    return torch.stack(rows)


@pytest.mark.parametrize("lookup", list(Lookup))
@pytest.mark.parametrize("cells", [1, 2, 5])
def test_all_cells_at_once_are_a_loop_over_samples(lookup: Lookup, cells: int) -> None:
    torch.manual_seed(0)
    colour_map = torch.randn(cells, cells, NETWORK.parameters, requires_grad=True)
    coordinates = torch.cat([torch.rand(60, 2), torch.tensor([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.5, 0.5]])])
    features = torch.randn(len(coordinates), NETWORK.features, requires_grad=True)
    views = torch.randn(len(coordinates), NETWORK.view)
    found = ColourMap.of(colour_map, NETWORK, lookup).colours(coordinates, torch.cat([features, views], dim=1))
    expected = looped(colour_map, lookup, coordinates, features, views)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    upstream = torch.randn_like(found)
    gradients = [torch.autograd.grad(each, (colour_map, features), upstream) for each in (found, expected)]
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_a_network_has_the_papers_number_of_parameters() -> None:
    paper = {view: ColourNetwork(32, 32, view.channels).parameters for view in ViewEncoding}
    assert paper == {ViewEncoding.FREQUENCIES: 2624, ViewEncoding.HARMONICS: 2432}


def test_harmonics_are_those_of_scipy() -> None:
    torch.manual_seed(0)
    directions = torch.nn.functional.normalize(torch.randn(40, 3).double(), dim=1)
    polar, azimuth = torch.acos(directions[:, 2]).numpy(), torch.atan2(directions[:, 1], directions[:, 0]).numpy()
    expected = []
    for degree in range(3):
        for order in range(-degree, degree + 1):
            value = sph_harm_y(degree, abs(order), polar, azimuth)
            sign = (-1) ** order * 2**0.5  # without the Condon-Shortley phase
            part = value.real if order >= 0 else value.imag
            expected.append(part if order == 0 else sign * part)
    found = encode_harmonics(directions)
    torch.testing.assert_close(found, torch.stack([torch.from_numpy(values) for values in expected], dim=1))
