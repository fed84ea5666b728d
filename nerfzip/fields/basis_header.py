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
from nerfzip.fields.header_values import integers, numbers
from nerfzip.geometry import Box, Colour
from nerfzip.sampling import Occupancy

MOST_PARAMETERS = 1 << 26
"""In the grids of a frame: 256 MiB as float32."""
MOST_LEVELS = 16
LARGEST_SIDE = 512
MOST_OCCUPANCY_VOXELS = 1 << 21
LARGEST_EXTENT = 1e6
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
    low_x, low_y, low_z, high_x, high_y, high_z = numbers(header, "box", 6, -LARGEST_EXTENT, LARGEST_EXTENT)
    box = Box((low_x, low_y, low_z), (high_x, high_y, high_z))
    if min(box.size) <= 0:
        raise BitstreamError(f"header.field.box: {header['box']}, expected corners from low to high")
    levels = len(header["bases"]) if isinstance(header.get("bases"), list) else 0
    if not 1 <= levels <= MOST_LEVELS:
        raise BitstreamError(f"header.field.bases: expected a list of 1 to {MOST_LEVELS} resolutions")
    x, y, z = integers(header, "coefficients", 3, 2, LARGEST_SIDE)
    geometry = BasisGeometry(
        box,
        (x, y, z),
        tuple(integers(header, "bases", levels, 2, LARGEST_SIDE)),
        tuple(integers(header, "channels", levels, 1, 64)),
        tuple(numbers(header, "frequencies", levels, 1e-3, LARGEST_FREQUENCY)),
        numbers({"step": [header.get("step")]}, "step", 1, 1e-9, LARGEST_EXTENT)[0],
    )
    if geometry.parameters > MOST_PARAMETERS:
        raise BitstreamError(f"header.field: {geometry.parameters} values a frame, the limit is {MOST_PARAMETERS}")
    steps = math.dist(box.minimum, box.maximum) / geometry.step
    if steps > MOST_STEPS:
        raise BitstreamError(f"header.field.step: {steps:.0f} steps through the box, the limit is {MOST_STEPS}")
    occupancy_x, occupancy_y, occupancy_z = integers(header, "occupancy", 3, 2, LARGEST_SIDE)
    voxels = occupancy_x * occupancy_y * occupancy_z
    if voxels > MOST_OCCUPANCY_VOXELS:
        raise BitstreamError(f"header.field.occupancy: {voxels} voxels, the limit is {MOST_OCCUPANCY_VOXELS}")
    red, green, blue = numbers(header, "background", 3, 0, 1)
    shading = header.get("shading")
    names = [field.name for field in fields(Shading)]
    if not isinstance(shading, dict) or sorted(shading) != sorted(names):
        raise BitstreamError(f"header.field.shading: {shading!r}, expected an object of {', '.join(names)}")
    limits = {"density_shift": (-100, 100)}
    thresholds = {name: numbers({name: [shading[name]]}, name, 1, *limits.get(name, (0, 1)))[0] for name in names}
    return BasisDescription(
        geometry,
        _networks(header.get("networks")),
        (occupancy_x, occupancy_y, occupancy_z),
        Shading(**thresholds),
        (red, green, blue),
        numbers({"near": [header.get("near")]}, "near", 1, 0, LARGEST_EXTENT)[0],
    )


def _networks(sizes: Any) -> NetworkSizes:
    if not isinstance(sizes, dict) or sorted(sizes) != sorted(NETWORK_LIMITS):
        raise BitstreamError(f"header.field.networks: {sizes!r}, expected an object of {', '.join(NETWORK_LIMITS)}")
    for name, (least, most) in NETWORK_LIMITS.items():
        integers({name: [sizes[name]]}, name, 1, least, most)
    return NetworkSizes(**sizes)
