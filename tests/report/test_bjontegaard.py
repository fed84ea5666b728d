"""Against closed forms: parallel curves; and against integrals by numpy."""

from math import isnan

import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator

from nerfzip.errors import ConfigError
from nerfzip.report.bjontegaard import INTERPOLATIONS, Curve, bd_metric, bd_rate

SIZES = np.array([20e3, 50e3, 120e3, 300e3])
QUALITY = np.array([28.0, 30.0, 31.5, 32.4])


def curve(sizes: np.ndarray, quality: np.ndarray) -> Curve:
    return Curve(tuple("abcdefgh"[: len(sizes)]), np.asarray(sizes, float), np.asarray(quality, float))


ANCHOR = curve(SIZES, QUALITY)


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize("factor", [0.5, 0.8, 1.0, 1.7])
def test_a_constant_factor_in_size_is_the_bd_rate(factor: float, interpolation: str) -> None:
    result = bd_rate(ANCHOR, curve(factor * SIZES, QUALITY), interpolation=interpolation)
    assert result.value == pytest.approx(100 * (factor - 1), abs=1e-6)
    assert (result.status, result.overlap, result.points) == ("ok", 1.0, 4)


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize("higher_is_better", [True, False])
@pytest.mark.parametrize("shift", [-0.7, 0.4])
def test_a_constant_shift_in_quality_is_the_bd_metric(shift: float, higher_is_better: bool, interpolation: str) -> None:
    sign = 1 if higher_is_better else -1
    anchor, test = curve(SIZES, sign * QUALITY), curve(SIZES, sign * QUALITY + shift)
    result = bd_metric(anchor, test, higher_is_better, interpolation)
    assert result.value == pytest.approx(shift)
    assert result.status == "ok"


def test_lpips_falls_with_size_and_a_smaller_file_still_has_a_negative_bd_rate() -> None:
    lpips = np.array([0.2, 0.12, 0.08, 0.05])
    result = bd_rate(curve(SIZES, lpips), curve(0.75 * SIZES, lpips), higher_is_better=False)
    assert result.value == pytest.approx(-25)


def test_bd_rate_of_crossing_curves_is_the_integral() -> None:
    test = curve([25e3, 45e3, 100e3, 310e3], [28.3, 30.2, 31.2, 32.1])
    low, high = 28.3, 32.1
    grid = np.linspace(low, high, 200_001)
    of_anchor, of_test = (PchipInterpolator(c.quality, np.log(c.sizes))(grid) for c in (ANCHOR, test))
    expected = 100 * (np.exp(np.sum((of_test - of_anchor)[:-1]) * (grid[1] - grid[0]) / (high - low)) - 1)
    result = bd_rate(ANCHOR, test)
    assert result.value == pytest.approx(expected, rel=1e-4)
    assert result.overlap == pytest.approx((32.1 - 28.3) / (32.4 - 28.0))


def test_the_order_of_points_is_free() -> None:
    test = curve(0.9 * SIZES, QUALITY + 0.1)
    order = [2, 0, 3, 1]
    shuffled = Curve(tuple(test.rates[i] for i in order), test.sizes[order], test.quality[order])
    assert bd_rate(ANCHOR, shuffled) == bd_rate(ANCHOR, test)


def test_a_dominated_point_is_dropped_and_named() -> None:
    sizes, quality = np.insert(0.5 * SIZES, 2, 40e3), np.insert(QUALITY, 2, 27.0)
    result = bd_rate(ANCHOR, Curve(("a", "b", "dip", "c", "d"), sizes, quality))
    assert result.value == pytest.approx(-50)
    assert result.dropped == ("dip",)
    assert result.status == "dropped dip (test), 4 points left"
    of_anchor = bd_rate(Curve(("a", "b", "dip", "c", "d"), sizes, quality), ANCHOR)
    assert (of_anchor.dropped, of_anchor.dropped_of_anchor) == ((), ("dip",))
    assert of_anchor.status == "dropped dip (anchor), 4 points left"


def test_three_points_are_computed_and_not_ok() -> None:
    result = bd_rate(curve(SIZES[:3], QUALITY[:3]), curve(0.5 * SIZES[:3], QUALITY[:3]))
    assert result.value == pytest.approx(-50)
    assert result.status == "3 points, fewer than 4"


@pytest.mark.parametrize(("interpolation", "points"), [("pchip", 1), ("akima", 1), ("cubic", 3)])
def test_what_cannot_be_interpolated_has_no_value(interpolation: str, points: int) -> None:
    result = bd_rate(ANCHOR, curve(SIZES[:points], QUALITY[:points]), interpolation=interpolation)
    assert isnan(result.value)
    assert f"{points} point" in result.status


def test_little_overlap_is_computed_and_not_ok() -> None:
    result = bd_rate(ANCHOR, curve(SIZES, QUALITY + 3.4))
    assert result.overlap == pytest.approx(1.0 / 7.8)
    assert not isnan(result.value)
    assert result.status == "overlap 13 %, less than 50 %"


def test_no_overlap_has_no_value() -> None:
    result = bd_rate(ANCHOR, curve(SIZES, QUALITY + 10))
    assert isnan(result.value)
    assert result.overlap == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_has_no_value(bad: float) -> None:
    result = bd_metric(ANCHOR, curve(SIZES, np.array([28.0, 30.0, 31.0, bad])))
    assert isnan(result.value)
    assert "not a finite number" in result.status


def test_a_cubic_that_turns_back_is_not_ok() -> None:
    test = curve([20e3, 21e3, 22e3, 300e3, 310e3], [28.0, 31.8, 31.9, 32.0, 36.0])
    assert "not monotonic" in bd_rate(ANCHOR, test, interpolation="cubic").status
    assert "monotonic" not in bd_rate(ANCHOR, test).status


def test_unknown_interpolation() -> None:
    with pytest.raises(ConfigError, match="pchip"):
        bd_rate(ANCHOR, ANCHOR, interpolation="spline")
