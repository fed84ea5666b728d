"""Where along a ray to look."""

from nerfzip.sampling.occupancy import Occupancy

__all__ = ["Occupancy"]
