"""Embedded scenes, ray-traced: an orrery, standing still or in motion, and random objects by the thousand."""

from nerfzip.data.procedural.animation import load_procedural_dynamic
from nerfzip.data.procedural.objects import load_procedural_objects
from nerfzip.data.procedural.scene import load_procedural

__all__ = ["load_procedural", "load_procedural_dynamic", "load_procedural_objects"]
