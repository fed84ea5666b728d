"""What a file says about a field of three planes besides its tensors."""

from dataclasses import asdict, dataclass
from typing import Any

from nerfzip.errors import BitstreamError
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
from nerfzip.fields.triplane_field import NetworkSizes, Sampling, TriplaneNetwork
from nerfzip.geometry import Box, Colour

MOST_SCALES, LARGEST_SIDE, MOST_CHANNELS = 4, 1024, 128
MOST_VALUES = 1 << 26
"""In all planes: 256 MiB as float32."""
FEWEST_SAMPLES, MOST_SAMPLES = 4, 1024
NETWORK_LIMITS = {"width": (1, 256), "hidden_layers": (1, 16), "direction_frequencies": (1, 16)}


@dataclass(frozen=True)
class TriplaneDescription:
    """A field of planes without its numbers.

    Attributes:
        sides: of the planes at each scale, cells.
        channels: of each plane.
    """

    sides: tuple[int, ...]
    channels: int
    networks: NetworkSizes
    sampling: Sampling
    box: Box
    background: Colour
    near: float

    def shapes(self) -> list[tuple[int, int, int, int]]:
        """Of the planes at each scale."""
        return [(3, side, side, self.channels) for side in self.sides]

    def new_network(self) -> TriplaneNetwork:
        """With arbitrary weights."""
        return TriplaneNetwork(len(self.sides) * self.channels, self.networks)


def describe(description: TriplaneDescription) -> dict[str, Any]:
    """All that `parse` needs, ready for JSON.

    Raises:
        BitstreamError: beyond the limits of this module, so `parse` would refuse it.
    """
    header = {
        "sides": list(description.sides),
        "channels": description.channels,
        "networks": asdict(description.networks),
        "sampling": asdict(description.sampling),
        "box": [*description.box.minimum, *description.box.maximum],
        "background": list(description.background),
        "near": description.near,
    }
    parse(header)
    return header


def parse(header: Any) -> TriplaneDescription:
    """The inverse of `describe`.

    Raises:
        BitstreamError: a key is missing, or its value is not possible or over a limit.
    """
    if not isinstance(header, dict):
        raise BitstreamError(f"header.field: {header!r}, expected an object")
    sides = integers(header, "sides", length(header, "sides", MOST_SCALES), 2, LARGEST_SIDE)
    channels = integer(header, "channels", 1, MOST_CHANNELS)
    values = sum(3 * side**2 * channels for side in sides)
    if values > MOST_VALUES:
        raise BitstreamError(f"header.field.sides: {values} values in the planes, the limit is {MOST_VALUES}")
    networks = object_of(header, "networks", NETWORK_LIMITS)
    sizes = NetworkSizes(**{name: integer(networks, name, *limit) for name, limit in NETWORK_LIMITS.items()})
    sampling = object_of(header, "sampling", ["coarse", "fine", "density_scale"])
    coarse, fine = (integer(sampling, name, FEWEST_SAMPLES, MOST_SAMPLES) for name in ("coarse", "fine"))
    scale = number(sampling, "density_scale", 1e-3, LARGEST_EXTENT)
    red, green, blue = numbers(header, "background", 3, 0, 1)
    return TriplaneDescription(
        tuple(sides),
        channels,
        sizes,
        Sampling(coarse, fine, scale),
        box(header),
        (red, green, blue),
        number(header, "near", 0, LARGEST_EXTENT),
    )
