import pytest
import torch

from nerfzip.geometry import Box, Rays, intersect_box

BOX = Box((-1.0, -2.0, 0.0), (1.0, 2.0, 4.0))


@pytest.mark.parametrize(
    ("origin", "direction", "near", "entry", "exit_"),
    [
        ((-5, 0, 2), (1, 0, 0), 0.0, 4, 6),  # from outside, along an axis
        ((0, 0, 2), (0, 1, 0), 0.0, 0, 2),  # from inside
        ((0, 0, 2), (0, -1, 0), 0.5, 0.5, 2),  # from inside, not closer than `near`
        ((-5, 0, 2), (1, 0, 0), 5.0, 5, 6),
        ((-2, 0, 1), (0.6, 0.0, 0.8), 0.0, 1 / 0.6, 3 / 0.8),  # in through −x, out through +z
    ],
)
def test_entry_and_exit(origin, direction, near, entry, exit_) -> None:  # type: ignore[no-untyped-def]
    rays = Rays(torch.tensor([origin], dtype=torch.float32), torch.tensor([direction], dtype=torch.float32))
    t_min, t_max = intersect_box(rays, BOX, near)
    assert float(t_min) == pytest.approx(entry, abs=1e-5)
    assert float(t_max) == pytest.approx(exit_, abs=1e-5)


@pytest.mark.parametrize(
    ("origin", "direction"),
    [
        ((-5, 3, 2), (1, 0, 0)),  # passes beside it, parallel to a face
        ((-5, 0, 2), (-1, 0, 0)),  # points away
        ((-5, 0, 2), (0.6, 0.8, 0)),
    ],
)
def test_a_miss_has_no_exit_beyond_its_entry(origin, direction) -> None:  # type: ignore[no-untyped-def]
    rays = Rays(torch.tensor([origin], dtype=torch.float32), torch.tensor([direction], dtype=torch.float32))
    t_min, t_max = intersect_box(rays, BOX, near=0.0)
    assert float(t_max) <= float(t_min)


def test_random_rays_enter_and_leave_on_the_surface() -> None:
    generator = torch.Generator().manual_seed(0)
    low, high = torch.tensor(BOX.minimum), torch.tensor(BOX.maximum)
    origins = 20 * torch.rand(2000, 3, generator=generator) - 10
    targets = low + torch.rand(2000, 3, generator=generator) * (high - low)
    rays = Rays(origins, torch.nn.functional.normalize(targets - origins, dim=1))
    t_min, t_max = intersect_box(rays, BOX, near=0.0)
    through = (targets - origins).norm(dim=1)
    assert bool((t_min <= through + 1e-4).all())
    assert bool((t_max >= through - 1e-4).all())
    for t, chosen in ((t_max, slice(None)), (t_min, t_min > 0)):
        points = (rays.origins + t[:, None] * rays.directions)[chosen]
        beyond = torch.maximum(low - points, points - high).amax(dim=1)
        assert float(beyond.abs().max()) < 1e-4


def test_an_enlarged_box_keeps_its_centre() -> None:
    assert BOX.size == (2.0, 4.0, 4.0)
    assert BOX.enlarged(1.5) == Box((-1.5, -3.0, -1.0), (1.5, 3.0, 5.0))
