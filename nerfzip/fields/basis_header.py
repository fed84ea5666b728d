"""What a file says about coefficient × basis fields besides their tensors."""

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from jaxtyping import Bool
from torch import Tensor

from nerfzip.errors import BitstreamError
from nerfzip.fields.basis_field import BasisField, BasisGrids, Shading
from nerfzip.fields.basis_geometry import BasisGeometry
from nerfzip.fields.basis_networks import BasisNetworks, NetworkSizes
from nerfzip.fields.header_values import (
    LARGEST_EXTENT,
    box,
    integer,
    integers,
    length,
    number,
    numbers,
    object_of,
)
from nerfzip.geometry import Colour
from nerfzip.sampling import Occupancy

MOST_PARAMETERS = 1 << 26
"""In the grids of a frame: 256 MiB as float32."""
MOST_LEVELS = 16
LARGEST_SIDE = 512
MOST_OCCUPANCY_VOXELS = 1 << 21
MOST_STEPS = 8192
"""Along the longest side of the box: what rendering may make room for, for each ray."""
LARGEST_FREQUENCY = 1024.0
NETWORK_LIMITS = {
    "projection_width": (1, 256),
    "appearance": (1, 64),
    "colour_width": (1, 256),
    "appearance_frequencies": (0, 16),
    "direction_frequencies": (0, 16),
}


@dataclass(frozen=True)
class BasisDescription:
    """The fields of a video without their numbers; `occupancy` is the resolution of their masks."""

    geometry: BasisGeometry
    networks: NetworkSizes
    occupancy: tuple[int, int, int]
    shading: Shading
    background: Colour
    near: float

    def new_networks(self) -> BasisNetworks:
        """With arbitrary weights."""
        return BasisNetworks(self.geometry.channels, self.networks)

    def field(self, grids: BasisGrids, networks: BasisNetworks, mask: Bool[Tensor, "x y z"]) -> BasisField:
        """A frame, sampled where its mask says."""
        return BasisField(self.geometry, grids, networks, Occupancy.of(mask), self.shading, self.background, self.near)


def describe(description: BasisDescription) -> dict[str, Any]:
    """All that `parse` needs, ready for JSON.

    Raises:
        BitstreamError: beyond the limits of this module, so `parse` would refuse it.
    """
    geometry = description.geometry
    header = {
        "box": [*geometry.box.minimum, *geometry.box.maximum],
        "coefficients": list(geometry.coefficient_resolution),
        "bases": list(geometry.basis_resolutions),
        "channels": list(geometry.basis_channels),
        "frequencies": list(geometry.frequencies),
        "step": geometry.step,
        "networks": asdict(description.networks),
        "occupancy": list(description.occupancy),
        "shading": asdict(description.shading),
        "background": list(description.background),
        "near": description.near,
    }
    parse(header)
    return header


def parse(header: Any) -> BasisDescription:
    """The inverse of `describe`.

    Raises:
        BitstreamError: a key is missing, or its value is not possible or over a limit.
    """
    if not isinstance(header, dict):
        raise BitstreamError(f"header.field: {header!r}, expected an object")
    levels = length(header, "bases", MOST_LEVELS)
    x, y, z = integers(header, "coefficients", 3, 2, LARGEST_SIDE)
    geometry = BasisGeometry(
        box(header),
        (x, y, z),
        tuple(integers(header, "bases", levels, 2, LARGEST_SIDE)),
        tuple(integers(header, "channels", levels, 1, 64)),
        tuple(numbers(header, "frequencies", levels, 1e-3, LARGEST_FREQUENCY)),
        number(header, "step", 1e-9, LARGEST_EXTENT),
    )
    if geometry.parameters > MOST_PARAMETERS:
        raise BitstreamError(f"header.field: {geometry.parameters} values a frame, the limit is {MOST_PARAMETERS}")
    steps = math.dist(geometry.box.minimum, geometry.box.maximum) / geometry.step
    if steps > MOST_STEPS:
        raise BitstreamError(f"header.field.step: {steps:.0f} steps through the box, the limit is {MOST_STEPS}")
    occupancy_x, occupancy_y, occupancy_z = integers(header, "occupancy", 3, 2, LARGEST_SIDE)
    voxels = occupancy_x * occupancy_y * occupancy_z
    if voxels > MOST_OCCUPANCY_VOXELS:
        raise BitstreamError(f"header.field.occupancy: {voxels} voxels, the limit is {MOST_OCCUPANCY_VOXELS}")
    red, green, blue = numbers(header, "background", 3, 0, 1)
    shading = object_of(header, "shading", [field.name for field in fields(Shading)])
    limits = {"density_shift": (-100, 100)}
    thresholds = {name: number(shading, name, *limits.get(name, (0, 1))) for name in shading}
    networks = object_of(header, "networks", NETWORK_LIMITS)
    return BasisDescription(
        geometry,
        NetworkSizes(**{name: integer(networks, name, *limit) for name, limit in NETWORK_LIMITS.items()}),
        (occupancy_x, occupancy_y, occupancy_z),
        Shading(**thresholds),
        (red, green, blue),
        number(header, "near", 0, LARGEST_EXTENT),
    )
