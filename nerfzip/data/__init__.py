"""Captures on disk, and the embedded scene, as `Scene` or `VolumetricScene`. One file a format."""

from nerfzip.data.scene import Scene, Views, VolumetricScene

__all__ = ["Scene", "Views", "VolumetricScene"]
