"""What a file says about a field of three planes besides its tensors."""

from dataclasses import asdict, dataclass
from typing import Any

from nerfzip.errors import BitstreamError
from nerfzip.fields.header_values import integers, numbers
from nerfzip.fields.triplane_field import NetworkSizes, Sampling, TriplaneNetwork
from nerfzip.geometry import Box, Colour

MOST_SCALES, LARGEST_SIDE, MOST_CHANNELS = 4, 1024, 128
MOST_VALUES = 1 << 26
"""In all planes: 256 MiB as float32."""
MOST_SAMPLES = 1024
LARGEST_EXTENT = 1e6
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
    scales = len(header["sides"]) if isinstance(header.get("sides"), list) else 0
    if not 1 <= scales <= MOST_SCALES:
        raise BitstreamError(f"header.field.sides: expected a list of 1 to {MOST_SCALES} sides")
    sides = integers(header, "sides", scales, 2, LARGEST_SIDE)
    (channels,) = integers({"channels": [header.get("channels")]}, "channels", 1, 1, MOST_CHANNELS)
    values = sum(3 * side**2 * channels for side in sides)
    if values > MOST_VALUES:
        raise BitstreamError(f"header.field.sides: {values} values in the planes, the limit is {MOST_VALUES}")
    low_x, low_y, low_z, high_x, high_y, high_z = numbers(header, "box", 6, -LARGEST_EXTENT, LARGEST_EXTENT)
    box = Box((low_x, low_y, low_z), (high_x, high_y, high_z))
    if min(box.size) <= 0:
        raise BitstreamError(f"header.field.box: {header['box']}, expected corners from low to high")
    sizes = _object(header, "networks", list(NETWORK_LIMITS))
    for name, (least, most) in NETWORK_LIMITS.items():
        integers({name: [sizes[name]]}, name, 1, least, most)
    sampling = _object(header, "sampling", ["coarse", "fine", "density_scale"])
    coarse, fine = integers({"sampling": [sampling["coarse"], sampling["fine"]]}, "sampling", 2, 4, MOST_SAMPLES)
    (scale,) = numbers({"density_scale": [sampling["density_scale"]]}, "density_scale", 1, 1e-3, LARGEST_EXTENT)
    red, green, blue = numbers(header, "background", 3, 0, 1)
    (near,) = numbers({"near": [header.get("near")]}, "near", 1, 0, LARGEST_EXTENT)
    return TriplaneDescription(
        tuple(sides), channels, NetworkSizes(**sizes), Sampling(coarse, fine, scale), box, (red, green, blue), near
    )


def _object(header: dict[str, Any], key: str, names: list[str]) -> dict[str, Any]:
    value = header.get(key)
    if not isinstance(value, dict) or sorted(value) != sorted(names):
        raise BitstreamError(f"header.field.{key}: {value!r}, expected an object of {', '.join(names)}")
    return value
