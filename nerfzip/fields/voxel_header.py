"""What a file says about a voxel field besides its tensors."""

import math
from dataclasses import dataclass
from typing import Any

from nerfzip.errors import BitstreamError, ConfigError
from nerfzip.fields.colour import ColourMLP
from nerfzip.fields.voxel_field import Shading, Thresholds, VoxelField, VoxelGeometry
from nerfzip.geometry import Box, Colour
from nerfzip.kernels.marching import density_of_alpha

LARGEST_GRID_BYTES = 1 << 29
"""As float32. A decoder holds the grids twice, coded and as a field: 1 GiB."""
LARGEST_EXTENT = 1e6
LARGEST_SHIFT = 100.0
LARGEST_CHANNELS = 64
NETWORK_LIMITS = {"width": (1, 256), "hidden_layers": (1, 8), "frequencies": (0, 16), "diffuse": (0, 1)}
"""Smallest and largest; 8 layers of 256 are a whole NeRF."""
LONGEST_RAY = 8192
"""Steps from corner to corner of the box: what rendering may make room for, for each ray."""


@dataclass(frozen=True)
class VoxelDescription:
    """A voxel field without its numbers.

    Attributes:
        network: arguments of `ColourMLP` after the channels, in the order of `NETWORK_LIMITS`.
    """

    geometry: VoxelGeometry
    channels: int
    network: tuple[int, int, int, bool]
    shading: Shading
    shift: float
    thresholds: Thresholds
    background: Colour
    near: float

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of the tensors in the `state_dict` of the field; to know them takes no memory for the grids."""
        resolution = self.geometry.resolution
        grids = {"density": (*resolution, 1), "features": (*resolution, self.channels)}
        weights = self.new_decoder().state_dict()
        return grids | {f"decoder.{name}": tuple(weight.shape) for name, weight in weights.items()}

    def new_decoder(self) -> ColourMLP:
        """With arbitrary weights."""
        return ColourMLP(self.channels, *self.network)

    def empty_field(self) -> VoxelField:
        """With grids of zeros and an arbitrary decoder."""
        return VoxelField(
            self.geometry,
            self.channels,
            self.new_decoder(),
            self.shading,
            self.shift,
            self.thresholds,
            self.background,
            self.near,
        )


def describe(field: VoxelField) -> dict[str, Any]:
    """All that `parse` needs, ready for JSON.

    Raises:
        ConfigError: the field is beyond the limits of this module, so `parse` would refuse it.
    """
    decoder = field.decoder
    assert isinstance(decoder, ColourMLP)
    geometry, thresholds = field.geometry, field.thresholds
    fields = {
        "box": [*geometry.box.minimum, *geometry.box.maximum],
        "resolution": list(geometry.resolution),
        "voxel_size": geometry.voxel_size,
        "final_voxel_size": geometry.final_voxel_size,
        "step_ratio": geometry.step_ratio,
        "shift": field.shift,
        "channels": field.features.shape[-1],
        "shading": field.shading.value,
        "decoder": [decoder.width, decoder.hidden_layers, decoder.frequencies, int(decoder.diffuse)],
        "thresholds": [thresholds.alpha, thresholds.weight, thresholds.transmittance],
        "background": list(field.background),
        "near": field.near,
    }
    try:
        parse(fields)
    except BitstreamError as error:
        raise ConfigError(f"a file can't hold this field: {error}") from error
    return fields


def parse(fields: Any) -> VoxelDescription:
    """The inverse of `describe`; allocates nothing.

    Raises:
        BitstreamError: a field is missing, of the wrong type, or beyond the limits of this module.
    """
    if not isinstance(fields, dict):
        raise BitstreamError(f"field: expected an object, found {type(fields).__name__}")
    low_x, low_y, low_z, high_x, high_y, high_z = _numbers(fields, "box", 6, -LARGEST_EXTENT, LARGEST_EXTENT)
    box = Box((low_x, low_y, low_z), (high_x, high_y, high_z))
    sizes = [_number(fields, key, 1e-9, LARGEST_EXTENT) for key in ("voxel_size", "final_voxel_size", "step_ratio")]
    channels = int(_number(fields, "channels", 1, LARGEST_CHANNELS))
    geometry = VoxelGeometry(box, *sizes)
    voxels = math.prod(geometry.resolution)
    if min(box.size) <= 0 or voxels * (channels + 1) * 4 > LARGEST_GRID_BYTES:
        limit = f"{LARGEST_GRID_BYTES >> 20} MiB"
        raise BitstreamError(f"field.box: {voxels:.3g} voxels of {channels} features, expected at most {limit}")
    if fields.get("resolution") != list(geometry.resolution):
        raise BitstreamError(
            f"field.resolution: {fields.get('resolution')!r}, but box and voxel size give {list(geometry.resolution)}"
        )
    if fields.get("shading") not in list(Shading):
        raise BitstreamError(f"field.shading: {fields.get('shading')!r}, expected {' or '.join(Shading)}")
    width, layers, frequencies, diffuse = _network(fields)
    if diffuse and channels < 3:
        raise BitstreamError(f"field.channels: {channels}, expected at least 3 with a diffuse colour")
    alpha, weight, transmittance = _numbers(fields, "thresholds", 3, 0, 1)
    shift = _number(fields, "shift", -LARGEST_SHIFT, LARGEST_SHIFT)
    _check_rays(geometry, alpha, shift)
    red, green, blue = _numbers(fields, "background", 3, 0, 1)
    return VoxelDescription(
        geometry,
        channels,
        (width, layers, frequencies, bool(diffuse)),
        Shading(fields["shading"]),
        shift,
        Thresholds(alpha, weight, transmittance),
        (red, green, blue),
        _number(fields, "near", 0, LARGEST_EXTENT),
    )


def _network(fields: dict[str, Any]) -> list[int]:
    sizes = [int(size) for size in _numbers(fields, "decoder", len(NETWORK_LIMITS), 0, LARGEST_EXTENT)]
    for size, (name, (low, high)) in zip(sizes, NETWORK_LIMITS.items(), strict=True):
        if not low <= size <= high:
            raise BitstreamError(f"field.decoder: {name} {size}, expected {low} to {high}")
    return sizes


def _check_rays(geometry: VoxelGeometry, alpha: float, shift: float) -> None:
    """What would otherwise fail when the first ray is rendered."""
    steps = math.dist(geometry.box.minimum, geometry.box.maximum) / geometry.step
    if steps > LONGEST_RAY:
        raise BitstreamError(f"field.step_ratio: rays of {steps:.3g} steps, expected at most {LONGEST_RAY}")
    try:
        density_of_alpha(alpha, shift, geometry.interval)
    except (OverflowError, ValueError) as error:
        raise BitstreamError(
            f"field.thresholds: no density has an opacity of {alpha} over {geometry.interval:.3g} voxels"
        ) from error


def _number(fields: dict[str, Any], key: str, low: float, high: float) -> float:
    value: Any = fields.get(key)
    if not _is_number(value, low, high):
        raise BitstreamError(f"field.{key}: {value!r}, expected a number from {low:g} to {high:g}")
    return value


def _numbers(fields: dict[str, Any], key: str, count: int, low: float, high: float) -> list[float]:
    values = fields.get(key)
    if not (isinstance(values, list) and len(values) == count and all(_is_number(v, low, high) for v in values)):
        raise BitstreamError(f"field.{key}: {values!r}, expected {count} numbers from {low:g} to {high:g}")
    return values


def _is_number(value: Any, low: float, high: float) -> bool:
    return type(value) in (int, float) and low <= value <= high
