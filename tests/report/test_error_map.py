"""Colours of errors, and where images differ most, against hand-worked values and a search over every square."""

import numpy as np
import pytest
from matplotlib import colormaps

from nerfzip.report.error_map import (
    DETAIL_SHARE,
    LARGEST_ERROR,
    colour_bar,
    error_levels,
    error_map,
    most_different_detail,
)


def test_colours_say_the_mean_error_of_the_channels() -> None:
    truth = np.full((1, 4, 3), 100, np.uint8)
    image = truth.copy()
    image[0, 1] = (100 + 16, 100 - 16, 100 + 16)  # 16 whatever the sign
    image[0, 2] = (100 + LARGEST_ERROR * 3, 100, 100)  # the mean is the end of the scale
    image[0, 3] = 255  # beyond it
    found = np.array(error_map(image, truth))
    inferno = (np.array(colormaps["inferno"]([0.0, 16 / LARGEST_ERROR, 1.0, 1.0]))[:, :3] * 255).round()
    assert np.abs(found[0].astype(int) - inferno).max() <= 1


def test_levels_are_mean_absolute_differences() -> None:
    image, truth = np.random.default_rng(0).integers(0, 256, (2, 40, 30, 3), np.uint8)
    error = np.abs(image.astype(float) - truth).mean(axis=-1)
    assert (error_levels(image, truth) == np.minimum(255 / LARGEST_ERROR * error, 255).round()).all()


def test_the_bar_runs_through_the_scale() -> None:
    bar = np.array(colour_bar(400, 300))
    assert bar.shape == (300, 400, 3)
    ends = (np.array(colormaps["inferno"]([0.0, 1.0]))[:, :3] * 255).round()
    for end in ends:
        assert (np.abs(bar.astype(int) - end) <= 1).all(-1).any()


@pytest.mark.parametrize("shape", [(20, 31), (31, 20), (9, 9), (3, 3)])
def test_the_detail_is_the_best_of_all_squares(shape: tuple[int, int]) -> None:
    chance = np.random.default_rng(0)
    images = [chance.integers(0, 256, (*shape, 3), np.uint8) for _ in range(3)]
    detail = most_different_detail(images, images[0])
    height, width = shape
    side = max(1, round(DETAIL_SHARE * min(shape)))
    first, *others = (image.astype(int) for image in images)
    squares = {
        (top, left): sum(((first - other)[top : top + side, left : left + side] ** 2).sum() for other in others)
        for top in range(height - side + 1)
        for left in range(width - side + 1)
    }
    assert (round(detail.top * height), round(detail.left * width)) == max(squares, key=squares.__getitem__)
    assert round(detail.side * width) == side


def test_equal_images_show_their_largest_error() -> None:
    truth = np.zeros((16, 16, 3), np.uint8)
    image = truth.copy()
    image[8:12, 4:8] = 50
    detail = most_different_detail([image, image], truth)
    assert (detail.left * 16, detail.top * 16, detail.side * 16) == (4, 8, 4)
