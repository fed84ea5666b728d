"""What radiance fields are made of."""

from nerfzip.fields.colour import ColourMLP, DirectColour
from nerfzip.fields.voxel_field import Shading, VoxelField, VoxelGeometry

__all__ = ["ColourMLP", "DirectColour", "Shading", "VoxelField", "VoxelGeometry"]
