"""Cameras around the origin, placed like those of Synthetic-NeRF (Mildenhall et al. 2020)."""

import math

import numpy as np
import torch

from nerfzip.geometry import Cameras

DISTANCE = 4.0
"""From the origin, world units."""
FIELD_OF_VIEW = 0.6911112
"""Horizontal, radians."""


def _look_at_origin(azimuth: float, elevation: float, distance: float) -> np.ndarray:
    """A camera-to-world matrix (OpenCV axes) so far from the origin, with the world's z axis upwards in the picture."""
    outwards = np.array(
        [math.cos(elevation) * math.cos(azimuth), math.cos(elevation) * math.sin(azimuth), math.sin(elevation)]
    )
    # Not a cross product with z: straight above the origin this still has a definite right.
    right = np.array([-math.sin(azimuth), math.cos(azimuth), 0.0])
    forward = -outwards
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    pose[:3, 3] = distance * outwards
    return pose


def _cameras(azimuths: np.ndarray, elevations: np.ndarray, resolution: int) -> Cameras:
    focal = 0.5 * resolution / math.tan(0.5 * FIELD_OF_VIEW)
    return looking_at_origin(azimuths, elevations, DISTANCE, focal, resolution)


def looking_at_origin(
    azimuths: np.ndarray, elevations: np.ndarray, distance: float, focal: float, resolution: int
) -> Cameras:
    """Cameras at a distance from the origin in the given directions, radians. The focal length is in pixels."""
    angles = zip(azimuths.tolist(), elevations.tolist(), strict=True)
    poses = np.stack([_look_at_origin(azimuth, elevation, distance) for azimuth, elevation in angles])
    intrinsics = torch.tensor([focal, focal, resolution / 2, resolution / 2]).repeat(len(poses), 1)
    return Cameras(torch.from_numpy(poses).float(), intrinsics, resolution, resolution)


def hemisphere(views: int, resolution: int, seed: int) -> Cameras:
    """Cameras that are uniformly distributed over the upper hemisphere, drawn at random."""
    random = np.random.Generator(np.random.PCG64(seed)).random((views, 2))
    # Equal slices of height have equal area on a sphere (Archimedes).
    return _cameras(2 * math.pi * random[:, 0], np.arcsin(random[:, 1]), resolution)


def orbit(views: int, resolution: int) -> Cameras:
    """Cameras on a closed path around the z axis that swings gently between 18 and 42 degrees above the horizon."""
    azimuths = 2 * math.pi * np.arange(views) / views
    return _cameras(azimuths, np.radians(30 + 12 * np.sin(2 * azimuths)), resolution)
