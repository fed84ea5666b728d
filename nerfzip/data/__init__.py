"""Captures on disk, and the embedded scene, as `Scene` or `VolumetricScene`. One file a format."""

from nerfzip.data.dna_rendering import load_dna_rendering
from nerfzip.data.dtu import load_dtu
from nerfzip.data.gso import load_gso
from nerfzip.data.instant_ngp import load_instant_ngp
from nerfzip.data.nerf_synthetic import load_nerf_synthetic
from nerfzip.data.nhr import load_nhr
from nerfzip.data.nsvf import load_nsvf, load_tanks_temples
from nerfzip.data.objaverse import load_objaverse
from nerfzip.data.panoptic import load_panoptic
from nerfzip.data.posed_images import load_posed_images
from nerfzip.data.rerf import load_rerf
from nerfzip.data.scene import Scene, Views, VolumetricScene
from nerfzip.data.zju_mocap import load_zju_mocap

__all__ = [
    "Scene",
    "Views",
    "VolumetricScene",
    "load_dna_rendering",
    "load_dtu",
    "load_gso",
    "load_instant_ngp",
    "load_nerf_synthetic",
    "load_nhr",
    "load_nsvf",
    "load_objaverse",
    "load_panoptic",
    "load_posed_images",
    "load_rerf",
    "load_tanks_temples",
    "load_zju_mocap",
]
