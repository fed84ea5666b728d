"""What a file says about MLP maps besides their numbers."""

from dataclasses import asdict, dataclass
from typing import Any

import torch

from methods.mlp_maps.colour_maps import ColourNetwork, Lookup, ViewEncoding
from methods.mlp_maps.decoder import DecoderSizes
from methods.mlp_maps.field import Shading
from methods.mlp_maps.model import FEATURES_PER_LEVEL, Layout, MapsModel
from nerfzip.errors import BitstreamError, ConfigError
from nerfzip.fields.header_values import integers, numbers
from nerfzip.geometry import Box
from nerfzip.kernels.hash_levels import HashLevels

MOST_PARAMETERS = 1 << 27
"""512 MiB as float32; the paper's model has 61 million, with colour maps of 1×1 cells 134 million."""
MOST_PLANE_VALUES = 1 << 26
"""What a layer of the decoder makes of one frame; of the paper's model up to 6 million."""
MOST_SAMPLE_VALUES = 1 << 21
"""Along a ray: its steps, times the values that each has."""
MOST_LEVELS = 32
LARGEST_RESOLUTION = 1 << 14
LARGEST_WIDTH = 4096
"""Of a latent code, a layer of the decoder, or a colour network."""
MOST_LAYERS = 16
LARGEST_SIDE = 256
MOST_STEPS = 8192
"""Along the diagonal of a box: what rendering may make room for, for each ray."""
LARGEST_UNIT = 1e6
LARGEST_EXTENT = 1e6
"""World units."""
AXES = 3


@dataclass(frozen=True)
class Description:
    """A file without its numbers.

    Attributes:
        occupancy: voxels along each axis of a frame's box.
        box: around the boxes of all frames, world units.
    """

    layout: Layout
    occupancy: tuple[int, int, int]
    box: Box


def describe(description: Description) -> dict[str, Any]:
    """All that `parse` needs, ready for JSON.

    Raises:
        ConfigError: beyond the limits of this module, so `parse` would refuse it.
    """
    layout, box = description.layout, description.box
    shading, decoder = layout.shading, layout.decoder
    header = {
        "levels": list(asdict(layout.levels).values()),
        "latent": [decoder.latent],
        "channels": list(decoder.channels),
        "features": [decoder.features],
        "density_channels": list(decoder.density_channels),
        "colour_channels": list(decoder.colour_channels),
        "colour_rank": [decoder.colour_rank],
        "hidden": [shading.network.hidden],
        "lookup": str(shading.lookup),
        "view": str(shading.view),
        "map_axes": [list(axes) for axes in shading.map_axes],
        "steps": [shading.steps],
        "weight_threshold": [shading.weight_threshold],
        "unit": [shading.unit],
        "shared": [layout.shared_width, layout.shared_layers],
        "background": list(layout.background),
        "near": [layout.near],
        "occupancy": list(description.occupancy),
        "box": [*box.minimum, *box.maximum],
    }
    try:
        parse(header, layout.frames)
    except BitstreamError as error:
        raise ConfigError(f"a file can't hold this model: {error}") from error
    return header


def parse(header: Any, frames: int) -> Description:
    """The inverse of `describe`; allocates nothing.

    Args:
        frames: of the video.

    Raises:
        BitstreamError: a key is missing, or its value is not possible or over a limit.
    """
    if not isinstance(header, dict):
        raise BitstreamError(f"header.field: {header!r}, expected an object")
    (latent,) = integers(header, "latent", 1, 1, LARGEST_WIDTH)
    (features,) = integers(header, "features", 1, 1, LARGEST_WIDTH)
    (rank,) = integers(header, "colour_rank", 1, 0, LARGEST_WIDTH)
    (hidden,) = integers(header, "hidden", 1, 1, LARGEST_WIDTH)
    decoder = DecoderSizes(
        latent,
        _widths(header, "channels", 1),
        features,
        _widths(header, "density_channels", 0),
        _widths(header, "colour_channels", 0),
        rank,
    )
    if decoder.resolution > LARGEST_RESOLUTION or min(decoder.density_resolution, decoder.colour_resolution) < 1:
        raise BitstreamError(
            f"header.field.channels: planes of {decoder.resolution}² pixels, of {decoder.density_resolution}² of "
            f"densities and {decoder.colour_resolution}² of colours, expected 1 to {LARGEST_RESOLUTION}"
        )
    lookup, view = (_choice(header, "lookup", Lookup), _choice(header, "view", ViewEncoding))
    network = ColourNetwork(features, hidden, view.channels)
    (unit,) = numbers(header, "unit", 1, 1e-9, LARGEST_UNIT)
    (threshold,) = numbers(header, "weight_threshold", 1, 0, 1)
    (steps,) = integers(header, "steps", 1, 2, MOST_STEPS)
    shading = Shading(network, lookup, view, _axes(header), steps, threshold, unit)
    width, layers = integers(header, "shared", 2, 0, LARGEST_WIDTH)
    if width and not 1 <= layers <= MOST_LAYERS:
        raise BitstreamError(f"header.field.shared: {layers} layers, expected 1 to {MOST_LAYERS}")
    red, green, blue = numbers(header, "background", 3, 0, 1)
    (near,) = numbers(header, "near", 1, 0, LARGEST_UNIT)
    x, y, z = integers(header, "occupancy", 3, 1, LARGEST_SIDE)
    levels = _levels(header, features)
    layout = Layout(frames, levels, decoder, shading, width, layers, (red, green, blue), near)
    # Before any model is made, even one without memory: its layers would be checked by torch, which says less.
    if 3 * levels.rows * FEATURES_PER_LEVEL > MOST_PARAMETERS:
        raise BitstreamError(f"header.field.levels: {levels.rows} rows, the limit is {MOST_PARAMETERS} parameters")
    _check_work(layout)
    parameters = sum(values.numel() for values in shapes_only(layout).parameters())
    if parameters > MOST_PARAMETERS:
        raise BitstreamError(f"header.field: {parameters} parameters, the limit is {MOST_PARAMETERS}")
    return Description(layout, (x, y, z), box_of(numbers(header, "box", 6, -LARGEST_EXTENT, LARGEST_EXTENT)))


def box_of(corners: list[float]) -> Box:
    """From six numbers, the lowest corner first.

    Raises:
        BitstreamError: a side is not positive (or not a number), or too long.
    """
    box = Box.from_tensors(*torch.tensor(corners, dtype=torch.float64).split(3))
    if not all(0 < side <= LARGEST_EXTENT for side in box.size):
        raise BitstreamError(f"a box from {box.minimum} to {box.maximum}, expected corners from low to high")
    return box


def _check_work(layout: Layout) -> None:
    """Raise BitstreamError if a frame or a ray takes more memory than is ever needed."""
    decoder, shading = layout.decoder, layout.shading
    maps = len(shading.map_axes)
    planes = {
        "channels": decoder.resolution**2
        * max(*decoder.channels, *decoder.colour_channels, *decoder.density_channels, 3),
        "features": decoder.resolution**2 * 3 * decoder.features,
        "density_channels": decoder.density_resolution**2 * maps * decoder.features,
        "hidden": decoder.colour_resolution**2 * (decoder.colour_rank + maps * shading.network.parameters),
    }
    for key, values in planes.items():
        if values > MOST_PLANE_VALUES:
            raise BitstreamError(f"header.field.{key}: {values} values a frame, the limit is {MOST_PLANE_VALUES}")
    width = max(decoder.features, 4 * shading.network.hidden, layout.shared_width)
    if shading.steps * width > MOST_SAMPLE_VALUES:
        found = f"{shading.steps} of {width} values each"
        raise BitstreamError(f"header.field.steps: {found}, the limit is {MOST_SAMPLE_VALUES} values a ray")


def shapes_only(layout: Layout) -> MapsModel:
    """A model whose parameters have shapes, and no memory yet."""
    with torch.device("meta"):
        return MapsModel(layout)


def _levels(header: dict[str, Any], features: int) -> HashLevels:
    count, base, finest, entries = integers(header, "levels", 4, 1, MOST_PARAMETERS)
    if count > MOST_LEVELS or finest > LARGEST_RESOLUTION or base < 2 or finest < base or entries.bit_count() != 1:
        raise BitstreamError(
            f"header.field.levels: {header['levels']}, expected up to {MOST_LEVELS} levels, from 2 or more nodes to "
            f"at most {LARGEST_RESOLUTION}, and a power of two"
        )
    if count * FEATURES_PER_LEVEL != features:
        expected = f"{FEATURES_PER_LEVEL} for each of {count} levels"
        raise BitstreamError(f"header.field.features: {features}, expected {expected}")
    return HashLevels(count, base, finest, entries)


def _widths(header: dict[str, Any], key: str, fewest: int) -> tuple[int, ...]:
    count = len(header[key]) if isinstance(header.get(key), list) else -1
    if not fewest <= count <= MOST_LAYERS:
        raise BitstreamError(f"header.field.{key}: expected a list of {fewest} to {MOST_LAYERS} widths")
    return tuple(integers(header, key, count, 1, LARGEST_WIDTH))


def _choice(header: dict[str, Any], key: str, choices: Any) -> Any:
    if header.get(key) not in list(choices):
        raise BitstreamError(f"header.field.{key}: {header.get(key)!r}, expected {' or '.join(choices)}")
    return choices(header[key])


def _axes(header: dict[str, Any]) -> tuple[tuple[int, int], ...]:
    maps = header.get("map_axes")
    if not isinstance(maps, list) or not 1 <= len(maps) <= AXES:
        raise BitstreamError(f"header.field.map_axes: {maps!r}, expected one to {AXES} pairs of axes")
    pairs = (integers({"map_axes": axes}, "map_axes", 2, 0, AXES - 1) for axes in maps)
    return tuple((first, second) for first, second in pairs)
