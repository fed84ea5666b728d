"""Captures on disk, and the embedded scene, as `Scene`. One file a format."""

from nerfzip.data.instant_ngp import load_instant_ngp
from nerfzip.data.nerf_synthetic import load_nerf_synthetic
from nerfzip.data.nsvf import load_nsvf, load_tanks_temples
from nerfzip.data.scene import Scene, Views

__all__ = ["Scene", "Views", "load_instant_ngp", "load_nerf_synthetic", "load_nsvf", "load_tanks_temples"]
