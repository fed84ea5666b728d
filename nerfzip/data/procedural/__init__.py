"""The embedded scene: an orrery that is ray-traced from analytic solids, standing still or in motion."""

from nerfzip.data.procedural.animation import load_procedural_dynamic
from nerfzip.data.procedural.scene import load_procedural

__all__ = ["load_procedural", "load_procedural_dynamic"]
