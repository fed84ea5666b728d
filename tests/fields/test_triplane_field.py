"""Fields of three planes against a slow loop over rays and samples."""

import math

import pytest
import torch
from scipy.ndimage import map_coordinates
from torch import Tensor

from nerfzip.errors import BitstreamError
from nerfzip.fields.triplane_field import NetworkSizes, Sampling, TriplaneField
from nerfzip.fields.triplane_header import TriplaneDescription, describe, parse
from nerfzip.geometry import Box, Rays

SIZES, SAMPLING = NetworkSizes(width=6, hidden_layers=2, direction_frequencies=2), Sampling(5, 6, 8.0)
DESCRIPTION = TriplaneDescription(
    (4, 7), 3, SIZES, SAMPLING, Box((-1.0, -0.5, 0.0), (1.0, 0.5, 3.0)), (0.2, 0.4, 0.6), 0.1
)


def random_field() -> TriplaneField:
    torch.manual_seed(0)
    scales = [torch.randn(shape) for shape in DESCRIPTION.shapes()]
    coarse, fine = DESCRIPTION.new_network(), DESCRIPTION.new_network()
    return TriplaneField(scales, coarse, fine, SAMPLING, DESCRIPTION.box, DESCRIPTION.background, DESCRIPTION.near)


def features_at(field: TriplaneField, position: Tensor) -> Tensor:
    unit = (position - torch.tensor(field.box.minimum)) / torch.tensor(field.box.size)
    features = []
    for planes in field.scales:
        for channel in range(planes.shape[3]):
            total = 0.0
            for plane, (first, second) in zip(planes, ((0, 1), (1, 2), (0, 2)), strict=True):
                where = [[float(unit[first]) * (plane.shape[0] - 1)], [float(unit[second]) * (plane.shape[1] - 1)]]
                total += map_coordinates(plane[..., channel].double().numpy(), where, order=1, mode="nearest")[0]
            features.append(total / 3)
    return torch.tensor(features, dtype=torch.float32)


def test_a_ray_is_the_sum_over_its_samples() -> None:
    field = random_field()
    rays = Rays(torch.tensor([[-3.0, 0.1, 1.0]]), torch.nn.functional.normalize(torch.tensor([[1.0, 0.05, 0.2]])))
    shaded = field.forward(rays)[0]
    length = 3.0 / float(rays.directions[0, 0])
    t_min, t_max = 2.0 / float(rays.directions[0, 0]), 4.0 / float(rays.directions[0, 0])
    assert length > t_min
    part = (t_max - t_min) / 5
    encoded = [
        function(math.pi * 2**power * float(value))
        for function in (math.sin, math.cos)
        for value in rays.directions[0]
        for power in (0, 1)
    ]
    transmittance, colour = 1.0, torch.zeros(3)
    for n in range(5):
        distance = t_min + (n + 0.5) * part
        position = rays.origins[0] + distance * rays.directions[0]
        out = field.coarse.layers(torch.cat([features_at(field, position), torch.tensor(encoded)])).detach()
        density = math.log1p(math.exp(float(out[3])))
        alpha = 1 - math.exp(-density * (part if n < 4 else part / 2) * 8.0 / 3.0)
        colour += transmittance * alpha * out[:3].sigmoid()
        transmittance *= 1 - alpha
    colour += transmittance * torch.tensor(field.background)
    torch.testing.assert_close(shaded.rgb[0].detach(), colour, atol=1e-4, rtol=1e-4)
    assert float(shaded.transmittance.detach()) == pytest.approx(transmittance, abs=1e-4)


def test_rays_that_miss_the_box_see_the_background() -> None:
    rays = Rays(torch.tensor([[-3.0, 5.0, 1.0]]), torch.tensor([[1.0, 0.0, 0.0]]))
    rendered = random_field().render(rays)
    torch.testing.assert_close(rendered.rgb[0], torch.tensor(DESCRIPTION.background))
    assert float(rendered.opacity) == 0


def test_gradients_reach_planes_and_both_networks() -> None:
    field = random_field()
    for planes in field.scales:
        planes.requires_grad_()
    rays = Rays(torch.tensor([[-3.0, 0.1, 1.0]]), torch.tensor([[1.0, 0.0, 0.0]]))
    (field.forward(rays)[0].rgb.sum() + field.forward(rays)[1].rgb.sum()).backward()
    for values in [*field.scales, *field.coarse.parameters(), *field.fine.parameters()]:
        assert values.grad is not None and bool(values.grad.any())


def test_the_header_comes_back() -> None:
    assert parse(describe(DESCRIPTION)) == DESCRIPTION


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sides", [1025]),
        ("sides", []),
        ("channels", 0),
        ("box", [0, 0, 0, 0, 1, 1]),
        ("coarse", {"coarse": 3, "fine": 8, "density_scale": 1.0}),
        ("width", {"width": 300, "hidden_layers": 1, "direction_frequencies": 1}),
        ("near", -1),
    ],
)
def test_what_is_beyond_the_limits_is_refused(key: str, value: object) -> None:
    with pytest.raises(BitstreamError, match=key):
        parse({**describe(DESCRIPTION), {"width": "networks", "coarse": "sampling"}.get(key, key): value})


def test_more_values_than_a_decoder_makes_room_for_are_refused() -> None:
    with pytest.raises(BitstreamError, match="values in the planes, the limit is"):
        parse({**describe(DESCRIPTION), "sides": [1024, 1024], "channels": 128})
