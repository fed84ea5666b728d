"""A voxel field rendered ray by ray, sample by sample, in float64: what `VoxelField` must agree with."""

import copy
from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import map_coordinates
from torch import nn

from nerfzip.fields import VoxelField
from nerfzip.geometry import Rays


@dataclass(frozen=True)
class SlowRay:
    """One rendered ray; `margin` is how close the nearest decision was: below rounding, float32 may differ."""

    rgb: np.ndarray
    transmittance: float
    depth: float
    margin: float


def interpolated(grid: np.ndarray, position: np.ndarray) -> np.ndarray:
    """All channels of a grid at a position in voxels, by scipy; the border's value holds outside."""
    inside = np.clip(position, 0, np.array(grid.shape[:3]) - 1)[:, None]
    channels = range(grid.shape[3])
    return np.array([map_coordinates(grid[..., channel], inside, order=1)[0] for channel in channels])


def decoded(decoder: nn.Module, feature: np.ndarray, direction: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return decoder(torch.from_numpy(feature)[None], torch.from_numpy(direction)[None])[0].numpy()


def render_slowly(field: VoxelField, rays: Rays) -> list[SlowRay]:
    return [_render_ray(field, *ray) for ray in zip(rays.origins.double(), rays.directions.double(), strict=True)]


def _render_ray(field: VoxelField, ray_origin: torch.Tensor, ray_direction: torch.Tensor) -> SlowRay:
    origin, direction = ray_origin.numpy(), ray_direction.numpy()
    low, high = np.array(field.box.minimum), np.array(field.box.maximum)
    density = field.density.detach().double().numpy()
    features = field.features.detach().double().numpy()
    mask = field.occupancy.mask.numpy()
    decoder = copy.deepcopy(field.decoder).double()
    limits = field.thresholds
    step = field.geometry.step_ratio * field.geometry.voxel_size
    interval = step / field.geometry.final_voxel_size

    with np.errstate(divide="ignore"):
        faces = np.array([(low - origin) / direction, (high - origin) / direction])
    enter, leave = max(faces.min(axis=0).max(), field.near), faces.max(axis=0).min()
    length = max((leave - enter) / step, 0.0)
    margins = [abs(length - round(length))] if leave > enter else [abs(leave - enter)]

    passed, shown, colour, depth = 1.0, 0.0, np.zeros(3), 0.0
    feature_sum = np.zeros(features.shape[3])
    for index in range(int(length)):
        distance = enter + (index + 0.5) * step
        position = (origin + distance * direction - low) / (high - low) * (np.array(mask.shape) - 1)
        margins.append(np.abs(position - 0.5 - np.round(position - 0.5)).min())
        if not mask[tuple(np.clip(np.floor(position + 0.5).astype(int), 0, np.array(mask.shape) - 1))]:
            continue
        alpha = 1 - (1 + np.exp(interpolated(density, position)[0] + field.shift)) ** -interval
        margins.append(abs(alpha - limits.alpha))
        if alpha <= limits.alpha:
            continue
        margins.append(abs(passed - limits.transmittance))
        if passed < limits.transmittance:
            break
        weight = passed * alpha
        passed *= 1 - alpha
        margins.append(abs(weight - limits.weight))
        if weight <= limits.weight:
            continue
        shown += weight
        depth += weight * distance
        feature = interpolated(features, position)
        feature_sum += weight * feature
        if field.shading == "sample":
            colour += weight * decoded(decoder, feature, direction)
    if field.shading == "ray":
        colour = (1 - passed) * decoded(decoder, feature_sum / max(shown, 1e-4), direction)
    return SlowRay(colour + passed * np.array(field.background), passed, depth / max(shown, 1e-4), min(margins))
