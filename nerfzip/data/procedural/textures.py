"""Textures: functions of a point in a solid's own axes that mix the two colours of a material."""

import math

import numpy as np

from nerfzip.data.compile import inner
from nerfzip.data.procedural.noise import fractal_noise, random_at
from nerfzip.data.vectors import Vector

PLAIN, CHECKS, STRIPES, TICKS, WOOD, MARBLE, CONTINENTS, BANDS, LETTERS, PRINT = range(10)

LETTER_ROWS = (
    "#...#.#####.####..#####.#####.#####.####..",
    "##..#.#.....#...#.#........#....#...#...#.",
    "#.#.#.#.....#...#.#.......#.....#...#...#.",
    "#..##.####..####..####...#......#...####..",
    "#...#.#.....#.#...#.....#.......#...#.....",
    "#...#.#.....#..#..#....#........#...#.....",
    "#...#.#####.#...#.#.....#####.#####.#.....",
)
"""The project's name, five by seven dots a letter."""
LETTERS_BITMAP = np.array([[dot == "#" for dot in line] for line in LETTER_ROWS])
WORD_SPACING = 6
"""Empty columns between two names."""


@inner
def _word(across: float, upwards: float) -> float:
    """The project's name again and again along `across`, centred on `upwards` = 0, in units of a dot."""
    rows, columns = LETTERS_BITMAP.shape
    row = math.floor(rows / 2 - upwards)
    column = math.floor(across) % (columns + WORD_SPACING)
    if row < 0 or row >= rows or column >= columns:
        return 0.0
    return 1.0 if LETTERS_BITMAP[row, column] else 0.0


@inner
def _print(across: float, upwards: float) -> float:
    """Lines of small print, in units of a dot: random letters of three by three dots, with a gap here and there."""
    column, row = math.floor(across), math.floor(upwards)
    if row % 5 >= 3 or column % 4 == 3 or random_at(column // 4, row // 5, 5) < 0.2:
        return 0.0
    return 1.0 if random_at(column, row, 7) < 0.62 else 0.0


@inner
def mix_of(texture: int, point: Vector, scale: float) -> float:
    """How much of the second colour shows at a point, in [0, 1]. `scale` is in features per world unit."""
    x, y, z = point
    if texture == CHECKS:
        # The half cell keeps faces at round coordinates away from the borders of cells.
        cells = math.floor(x * scale + 0.5) + math.floor(y * scale + 0.5) + math.floor(z * scale + 0.5)
        return float(cells % 2)
    if texture == STRIPES:
        return float(math.floor(2.0 * z * scale) % 2)
    if texture == TICKS:
        # Graduation around the axis: every fifth tick is wide.
        turn = (math.atan2(y, x) / (2.0 * math.pi) + 0.5) * scale
        width = 0.55 if math.floor(turn) % 5 == 0 else 0.25
        return 1.0 if turn - math.floor(turn) < width else 0.0
    if texture == WOOD:
        wobble = fractal_noise((x, y, 0.3 * z), 2.5, 2)
        rings = (math.sqrt(x * x + (y - 0.4) ** 2) + 0.22 * wobble) * scale
        grain = fractal_noise((x * 4.0, y * 22.0, z * 22.0), 2.0, 2)
        return 0.65 * (rings - math.floor(rings)) ** 2 + 0.35 * grain
    if texture == MARBLE:
        veins = abs(2.0 * fractal_noise(point, scale, 5) - 1.0)
        return 0.8 * max(0.0, 1.0 - 7.0 * veins) + 0.2 * fractal_noise(point, 3.0 * scale, 3)
    if texture == CONTINENTS:
        height = fractal_noise(point, scale, 5)
        return min(1.0, max(0.0, (height - 0.5) * 30.0 + 0.5)) * (0.55 + 0.45 * fractal_noise(point, 6.0 * scale, 3))
    if texture == BANDS:
        flow = z * scale + 0.55 * fractal_noise((x, y, 3.0 * z), 6.0, 4)
        wave = 2.0 * (flow - math.floor(flow)) - 1.0
        return 1.0 - wave * wave
    if texture == LETTERS:
        return _word(math.atan2(y, x) * math.sqrt(x * x + y * y) * scale, z * scale)
    if texture == PRINT:
        return _print(x * scale, z * scale)
    return 0.0
