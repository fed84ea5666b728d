"""Cameras, rays and boxes. One convention: OpenCV axes, pixel centres at +0.5, camera-to-world."""

from nerfzip.geometry.boxes import Box, intersect_box
from nerfzip.geometry.cameras import OPENGL_TO_OPENCV, Cameras, check_pose
from nerfzip.geometry.colour import Colour
from nerfzip.geometry.rays import Rays

__all__ = ["OPENGL_TO_OPENCV", "Box", "Cameras", "Colour", "Rays", "check_pose", "intersect_box"]
