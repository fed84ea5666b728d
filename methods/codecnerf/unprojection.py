"""Lifting the maps of views to one volume (CodecNeRF, section 3.2, equation 1; sheet codecnerf.md, §2)."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from nerfzip.errors import CaptureError
from nerfzip.geometry import Box, Cameras
from nerfzip.kernels.bilinear import interpolate_bilinear

AGGREGATIONS = ("moments", "concatenation")
NEAREST = 1e-4
"""World units: what is less deep in front of a camera is not seen by it."""


def lattice(box: Box, count: int) -> Float[Tensor, "vertices 3"]:
    """`count`³ points, corners included, z changing fastest."""
    axes = [torch.linspace(low, high, count) for low, high in zip(box.minimum, box.maximum, strict=True)]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).flatten(0, 2)


def project_lattice(
    cameras: Cameras, points: Float[Tensor, "vertices 3"]
) -> tuple[Float[Tensor, "views vertices 2"], Bool[Tensor, "views vertices"]]:
    """Where views see the points, in widths and heights of the image, and whether they do.

    Raises:
        CaptureError: a view sees none of them.
    """
    size = torch.tensor([cameras.width, cameras.height], dtype=torch.float32)
    places, seen = [], []
    for index in range(len(cameras)):
        projected = cameras.project(points, index)
        place = projected[:, :2] / size
        visible = (projected[:, 2] > NEAREST) & (place >= 0).all(dim=1) & (place <= 1).all(dim=1)
        if not bool(visible.any()):
            raise CaptureError(f"view {index} of those for the encoder does not look at the object: nothing projects")
        places.append(torch.where(visible[:, None], place, 0.5))
        seen.append(visible)
    return torch.stack(places), torch.stack(seen)


def unproject(
    maps: Float[Tensor, "views rows columns channels"], cameras: Cameras, box: Box, count: int, aggregation: str
) -> Float[Tensor, "features count count count"]:
    """A volume of `count`³ vertices along x, y and z.

    Args:
        aggregation: "moments": mean and variance over the views that see a vertex, for any number of them in any order;
            "concatenation": the views' features one behind another, as published.
    """
    places, seen = project_lattice(cameras, lattice(box, count))
    cells = places * places.new_tensor([maps.shape[2], maps.shape[1]]) - 0.5
    features = [
        interpolate_bilinear(view.float().contiguous(), where.flip(1)) * visible[:, None]
        for view, where, visible in zip(maps, cells, seen, strict=True)
    ]
    if aggregation == "concatenation":
        volume = torch.cat(features, dim=1)
    else:
        views = seen.sum(dim=0).clamp(min=1)[:, None]
        total, squares = torch.zeros_like(features[0]), torch.zeros_like(features[0])
        for values in features:
            total, squares = total + values, squares + values.square()
        mean = total / views
        volume = torch.cat([mean, squares / views - mean.square()], dim=1)
    return volume.T.unflatten(1, (count, count, count))
