"""What a file says about a voxel field besides its tensors."""

import math
from typing import Any

from nerfzip.errors import BitstreamError
from nerfzip.fields.colour import ColourMLP
from nerfzip.fields.voxel_field import Shading, Thresholds, VoxelField, VoxelGeometry
from nerfzip.geometry import Box
from nerfzip.kernels.marching import density_of_alpha

LARGEST_GRID_BYTES = 1 << 30
LARGEST_EXTENT = 1e6
LARGEST_SHIFT = 100.0
LARGEST_WIDTH = 1024
LARGEST_DEPTH = 16
LARGEST_FREQUENCIES = 16
LONGEST_RAY = 8192
"""Steps from corner to corner of the box: what rendering may make room for, for each ray."""


def describe(field: VoxelField) -> dict[str, Any]:
    """All that `rebuild` needs, ready for JSON."""
    decoder = field.decoder
    assert isinstance(decoder, ColourMLP)
    geometry, thresholds = field.geometry, field.thresholds
    return {
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


def rebuild(fields: Any) -> VoxelField:
    """A field of the described shape with empty grids and an arbitrary decoder.

    Raises:
        BitstreamError: a field is missing, of the wrong type, or beyond the limits of this module.
    """
    if not isinstance(fields, dict):
        raise BitstreamError(f"field: expected an object, found {type(fields).__name__}")
    low_x, low_y, low_z, high_x, high_y, high_z = _numbers(fields, "box", 6, -LARGEST_EXTENT, LARGEST_EXTENT)
    box = Box((low_x, low_y, low_z), (high_x, high_y, high_z))
    sizes = [_number(fields, key, 1e-9, LARGEST_EXTENT) for key in ("voxel_size", "final_voxel_size", "step_ratio")]
    channels = int(_number(fields, "channels", 1, 64))
    geometry = VoxelGeometry(box, *sizes)
    voxels = math.prod(geometry.resolution)
    if min(box.size) <= 0 or voxels * (channels + 1) * 4 > LARGEST_GRID_BYTES:
        raise BitstreamError(f"field.box: {voxels:.3g} voxels of {channels} features, expected at most 1 GiB")
    if fields.get("resolution") != list(geometry.resolution):
        raise BitstreamError(
            f"field.resolution: {fields.get('resolution')!r}, but box and voxel size give {list(geometry.resolution)}"
        )
    if fields.get("shading") not in list(Shading):
        raise BitstreamError(f"field.shading: {fields.get('shading')!r}, expected {' or '.join(Shading)}")
    width, layers, frequencies, diffuse = (int(value) for value in _numbers(fields, "decoder", 4, 0, LARGEST_WIDTH))
    if not (width >= 1 and 1 <= layers <= LARGEST_DEPTH and frequencies <= LARGEST_FREQUENCIES and diffuse <= 1):
        raise BitstreamError(f"field.decoder: {fields['decoder']!r} is no colour network")
    if diffuse and channels < 3:
        raise BitstreamError(f"field.channels: {channels}, expected at least 3 with a diffuse colour")
    alpha, weight, transmittance = _numbers(fields, "thresholds", 3, 0, 1)
    shift = _number(fields, "shift", -LARGEST_SHIFT, LARGEST_SHIFT)
    _check_rays(geometry, alpha, shift)
    red, green, blue = _numbers(fields, "background", 3, 0, 1)
    return VoxelField(
        geometry,
        channels,
        ColourMLP(channels, width, layers, frequencies, bool(diffuse)),
        Shading(fields["shading"]),
        shift,
        Thresholds(alpha, weight, transmittance),
        (red, green, blue),
        _number(fields, "near", 0, LARGEST_EXTENT),
    )


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
    return _numbers({key: [fields.get(key)]}, key, 1, low, high)[0]


def _numbers(fields: dict[str, Any], key: str, count: int, low: float, high: float) -> list[float]:
    values = fields.get(key)
    valid = (
        isinstance(values, list)
        and len(values) == count
        and all(type(value) in (int, float) and low <= value <= high for value in values)
    )
    if not valid:
        raise BitstreamError(f"field.{key}: {values!r}, expected {count} number(s) from {low:g} to {high:g}")
    assert isinstance(values, list)
    return values
