"""The scene itself: an orrery, a machine that shows how planets move, as a function of time."""

import math

from nerfzip.data.procedural.parts import Material, Part, box, frustum, rod, sphere, torus
from nerfzip.data.procedural.textures import (
    BANDS,
    CHECKS,
    CONTINENTS,
    LETTERS,
    MARBLE,
    PRINT,
    STRIPES,
    TICKS,
    WOOD,
)

BASE_RADIUS = 1.0
FLOOR = -0.7
"""Height of the top of the base, on which things stand."""
SUN_HEIGHT = 0.28
LIFT = 0.18
"""The whole is moved upwards by this, so that cameras that look at the origin see it in the middle."""
WORDS_AROUND = 5
"""How often the project's name stands around the base; with its spacing it is 48 dots wide."""

BRASS = Material((0.56, 0.33, 0.08), specular=1.6, metal=0.6, sharpness=4)
STEEL = Material((0.26, 0.28, 0.31), specular=1.0, metal=0.2, sharpness=4)
KNURLED = Material((0.56, 0.33, 0.08), (0.20, 0.10, 0.03), STRIPES, 14.0, specular=1.4, metal=0.6, sharpness=4)
NAME_BAND = Material(
    (0.02, 0.035, 0.08), (0.80, 0.56, 0.20), LETTERS, WORDS_AROUND * 48 / (2 * math.pi * BASE_RADIUS), specular=0.4
)
WALNUT = Material((0.13, 0.045, 0.015), (0.36, 0.16, 0.06), WOOD, 16.0, specular=0.25, sharpness=4)
DIAL = Material((0.85, 0.80, 0.66), (0.05, 0.05, 0.07), TICKS, 60.0, specular=0.15)
CHESS = Material((0.70, 0.66, 0.56), (0.035, 0.11, 0.10), CHECKS, 9.0, specular=0.35, sharpness=6)
RING_SCALE = Material((0.66, 0.40, 0.10), (0.10, 0.05, 0.02), TICKS, 72.0, specular=1.4, metal=0.5, sharpness=4)
SUN = Material((0.95, 0.33, 0.03), (1.0, 0.85, 0.25), MARBLE, 5.0, specular=0.3, sharpness=5)
EARTH = Material((0.02, 0.10, 0.34), (0.30, 0.52, 0.10), CONTINENTS, 9.0, specular=0.5, sharpness=6)
GIANT = Material((0.50, 0.22, 0.10), (0.90, 0.72, 0.48), BANDS, 13.0, specular=0.25, sharpness=5)
MARS = Material((0.42, 0.08, 0.03), (0.72, 0.25, 0.10), MARBLE, 12.0, specular=0.3, sharpness=5)
MOON = Material((0.32, 0.32, 0.34), (0.72, 0.72, 0.70), MARBLE, 30.0, specular=0.1)
IVORY_RING = Material((0.80, 0.70, 0.52), specular=0.4)
PAPER = Material((0.88, 0.86, 0.80), (0.06, 0.07, 0.12), PRINT, 75.0, specular=0.05)
RED_CONE = Material((0.62, 0.03, 0.03), (0.85, 0.80, 0.74), STRIPES, 12.0, specular=0.5, sharpness=6)
DICE = Material((0.03, 0.16, 0.34), (0.80, 0.78, 0.70), CHECKS, 25.0, specular=0.4, sharpness=6)
GREEN_GLAZE = Material((0.03, 0.30, 0.12), specular=0.9, sharpness=7)
RED_GLAZE = Material((0.55, 0.02, 0.03), specular=0.9, sharpness=7)
BLUE_GLAZE = Material((0.03, 0.09, 0.45), specular=0.9, sharpness=7)


def _base() -> list[Part]:
    return [
        torus(BASE_RADIUS, 0.035, BRASS).moved(0, 0, FLOOR - 0.295),
        frustum(BASE_RADIUS, BASE_RADIUS, 0.28, NAME_BAND).moved(0, 0, FLOOR - 0.165),
        torus(BASE_RADIUS, 0.03, BRASS).moved(0, 0, FLOOR - 0.035),
        frustum(0.99, 0.99, 0.04, WALNUT).moved(0, 0, FLOOR - 0.03),
        frustum(0.82, 0.82, 0.03, DIAL).moved(0, 0, FLOOR - 0.015),
        frustum(0.71, 0.71, 0.04, CHESS).moved(0, 0, FLOOR - 0.01),
    ]


def _railing(posts: int) -> list[Part]:
    parts = [torus(0.92, 0.014, BRASS).moved(0, 0, -0.47)]
    for post in range(posts):
        angle = 2 * math.pi * (post + 0.5) / posts
        parts.append(frustum(0.013, 0.009, 0.24, BRASS).moved(0.92, 0, -0.59).turned("z", angle))
    return parts


def _gear(pitch_radius: float, pairs_of_teeth: int, angle: float) -> list[Part]:
    """Opposite teeth are one bar through the middle."""
    wheel = [frustum(pitch_radius - 0.025, pitch_radius - 0.025, 0.06, BRASS)]
    for pair in range(pairs_of_teeth):
        bar = box(2 * pitch_radius + 0.05, 0.055, 0.052, BRASS)
        wheel.append(bar.turned("z", angle + math.pi * pair / pairs_of_teeth))
    return wheel


def _gears(time: float) -> list[Part]:
    turned = math.radians(120) * time
    large = _gear(0.28, 8, turned)
    small = _gear(0.14, 4, math.pi / 8 - 2 * turned)
    parts = [part.moved(0, 0, -0.53) for part in large]
    parts += [part.moved(0.42, 0, -0.53) for part in small]
    return [
        part.turned("z", math.radians(-38)) for part in [*parts, rod((0.42, 0, FLOOR), (0.42, 0, -0.45), 0.03, STEEL)]
    ]


def _column() -> list[Part]:
    return [
        frustum(0.17, 0.08, 0.11, BRASS).moved(0, 0, FLOOR + 0.055),
        rod((0, 0, FLOOR), (0, 0, -0.22), 0.055, KNURLED),
        rod((0, 0, -0.22), (0, 0, SUN_HEIGHT + 0.58), 0.016, STEEL),
        sphere(0.035, BRASS).moved(0, 0, SUN_HEIGHT + 0.58),
    ]


def _sun(time: float) -> list[Part]:
    spin = math.radians(90) * time
    centred = [
        sphere(0.22, SUN).turned("z", spin),
        torus(0.50, 0.020, RING_SCALE).turned("x", math.pi / 2).turned("z", math.radians(25)),
        torus(0.455, 0.016, RING_SCALE).turned("x", math.radians(23.4)).turned("z", math.radians(60) + spin),
        torus(0.41, 0.014, STEEL).turned("x", math.radians(90)).turned("z", math.radians(115) - spin),
    ]
    return [part.moved(0, 0, SUN_HEIGHT) for part in centred]


def _on_arm(planet: list[Part], distance: float, height: float, arm_height: float, angle: float) -> list[Part]:
    """A planet on a bent rod that turns around the column."""
    parts = [part.moved(distance, 0, height) for part in planet]
    parts += [
        rod((0, 0, arm_height), (distance, 0, arm_height), 0.013, STEEL),
        rod((distance, 0, arm_height), (distance, 0, height), 0.010, STEEL),
        sphere(0.022, BRASS).moved(distance, 0, arm_height),
        frustum(0.07, 0.07, 0.035, BRASS).moved(0, 0, arm_height),
    ]
    return [part.turned("z", angle) for part in parts]


def _planets(time: float) -> list[Part]:
    moon = [sphere(0.045, MOON).moved(0.215, 0, 0.03), rod((0, 0, 0.03), (0.215, 0, 0.03), 0.006, STEEL)]
    earth = [sphere(0.145, EARTH).turned("z", math.radians(200) * time).turned("x", math.radians(23.4))]
    earth += [part.turned("z", math.radians(60 - 240 * time)) for part in moon]
    giant = [sphere(0.165, GIANT), torus(0.235, 0.009, IVORY_RING), torus(0.275, 0.012, IVORY_RING)]
    giant = [part.turned("y", math.radians(20)).turned("x", math.radians(12)) for part in giant]
    mars = [sphere(0.085, MARS)]
    parts = _on_arm(earth, 0.70, 0.14, -0.30, math.radians(60 + 120 * time))
    parts += _on_arm(giant, 0.86, -0.04, -0.37, math.radians(-75 + 60 * time))
    return parts + _on_arm(mars, 0.52, -0.06, -0.235, math.radians(170 + 240 * time))


def _lattice(width: float, height: float, bars: int) -> list[Part]:
    """A grid of thin crossed rods in the plane y = 0, standing on z = 0."""
    parts = []
    for bar in range(bars):
        share = bar / (bars - 1)
        x, z = (share - 0.5) * width, share * height
        parts.append(rod((x, 0, 0), (x, 0, height), 0.009, STEEL))
        parts.append(rod((-width / 2, 0, z), (width / 2, 0, z), 0.009, STEEL))
    return parts


def _on_the_floor() -> list[Part]:
    lattice = [part.turned("x", math.radians(12)).moved(0, 0.62, FLOOR) for part in _lattice(0.5, 0.25, 6)]
    dice = [
        box(0.16, 0.16, 0.16, DICE).turned("z", 0.3).moved(-0.52, 0.30, FLOOR + 0.08),
        box(0.16, 0.16, 0.16, DICE).turned("z", -0.4).moved(-0.60, 0.10, FLOOR + 0.08),
        box(0.12, 0.12, 0.12, DICE).turned("z", 0.9).moved(-0.55, 0.20, FLOOR + 0.22),
    ]
    page = box(0.46, 0.012, 0.26, PAPER).moved(0, 0, 0.13).turned("x", math.radians(-18))
    return [
        *(part.turned("z", math.radians(-20)) for part in lattice),
        *dice,
        page.turned("z", math.radians(-35)).moved(-0.42, -0.50, FLOOR),
        frustum(0.10, 0.0, 0.27, RED_CONE).moved(0.62, 0.28, FLOOR + 0.135),
        sphere(0.075, GREEN_GLAZE).moved(0.16, -0.60, FLOOR + 0.075),
        sphere(0.055, RED_GLAZE).moved(0.31, -0.56, FLOOR + 0.055),
    ]


def _newcomers(time: float) -> list[Part]:
    """What appears while time passes: marbles that drop onto the floor, one after the other."""
    landings = ((0.15, -0.05, -0.48, BLUE_GLAZE), (0.40, 0.60, 0.05, RED_GLAZE), (0.65, 0.40, 0.47, GREEN_GLAZE))
    parts = []
    for appears, x, y, material in landings:
        if time >= appears:
            above_floor = max(0.0, 0.2 - 2.0 * (time - appears))
            parts.append(sphere(0.06, material).moved(x, y, FLOOR + 0.06 + above_floor))
    return parts


def orrery(time: float) -> list[Part]:
    """The parts at a time in [0, 1]."""
    still = _base() + _railing(posts=24) + _column() + _on_the_floor()
    parts = still + _gears(time) + _sun(time) + _planets(time) + _newcomers(time)
    return [part.moved(0, 0, LIFT) for part in parts]
