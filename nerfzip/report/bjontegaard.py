"""Bjøntegaard differences between two rate-distortion curves: by the library `bjontegaard`, behind checks.

Both curves are interpolated, quality over log-size or log-size over quality, and the mean distance between them over
their common interval is taken (G. Bjøntegaard, VCEG-M33, 2001). The figure is computed wherever it can be; what is
doubtful about it is said in `status`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import NDArray

from nerfzip.errors import require_setting

INTERPOLATIONS = {"pchip": 2, "akima": 2, "cubic": 4}
"""Interpolations, and the points that each needs. "cubic" is Bjøntegaard's own, one polynomial fitted to all points."""

FEWEST_POINTS = 4
"""With fewer on either curve, a difference is computed but not ok. Four is the custom of video coding."""

SMALLEST_OVERLAP = 0.5
"""With less, a difference is computed but not ok: it speaks of a small part of the curves."""

_SAMPLES = 200


@dataclass(frozen=True)
class Curve:
    """One method on one scene: the name, the size in bytes and the quality of each point, in any order.

    `name` is what a status calls the curve; the anchor's is called the anchor.
    """

    rates: tuple[str, ...]
    sizes: NDArray[np.float64]  # [points]
    quality: NDArray[np.float64]  # [points]
    name: str = "test"


@dataclass(frozen=True)
class Difference:
    """How far one curve is from an anchor.

    Attributes:
        value: percent of the size (BD-rate, negative is better) or units of the metric; NaN where it can't be computed.
        status: "ok", or what is wrong with `value`.
        dropped: the rates that were left out because another point of the curve is no larger and no worse; those of
            the anchor are in `dropped_of_anchor`.
        overlap: share of the interval covered by either curve that is covered by both, 0 to 1.
        points: on the curve that has fewer, after dropping.
    """

    value: float
    status: str
    dropped: tuple[str, ...] = ()
    dropped_of_anchor: tuple[str, ...] = ()
    overlap: float = nan
    points: int = 0


def bd_rate(anchor: Curve, test: Curve, higher_is_better: bool = True, interpolation: str = "pchip") -> Difference:
    """The mean difference in size at equal quality, in percent: -20 means that `test` is a fifth smaller.

    Raises:
        ConfigError: an unknown interpolation.
    """
    return _difference(anchor, test, higher_is_better, interpolation, of_size=True)


def bd_metric(anchor: Curve, test: Curve, higher_is_better: bool = True, interpolation: str = "pchip") -> Difference:
    """The mean difference in quality at equal size, in units of the metric.

    Raises:
        ConfigError: an unknown interpolation.
    """
    return _difference(anchor, test, higher_is_better, interpolation, of_size=False)


def _difference(anchor: Curve, test: Curve, higher_is_better: bool, interpolation: str, of_size: bool) -> Difference:
    require_setting(
        interpolation in INTERPOLATIONS, "interpolation", interpolation, f"one of {', '.join(INTERPOLATIONS)}"
    )
    if not (_is_finite(anchor) and _is_finite(test)):
        return Difference(nan, "a size or a quality that is not a finite number")
    sign = 1.0 if higher_is_better else -1.0
    anchor, dropped_of_anchor = _without_dominated(anchor, sign)
    test, dropped = _without_dominated(test, sign)
    points = min(len(anchor.rates), len(test.rates))
    problems = []
    if dropped or dropped_of_anchor:
        both = ((dropped, test.name), (dropped_of_anchor, "anchor"))
        names = [f"{' and '.join(rates)} ({name})" for rates, name in both if rates]
        problems = [f"dropped {', '.join(names)}", f"{points} point{'s' * (points != 1)} left"]
    elif points < FEWEST_POINTS:
        problems.append(f"{points} point{'s' * (points != 1)}, fewer than {FEWEST_POINTS}")
    if points < INTERPOLATIONS[interpolation]:
        return Difference(nan, ", ".join(problems), dropped, dropped_of_anchor, points=points)

    low, high, overlap = _common_interval(*(sign * c.quality if of_size else np.log10(c.sizes) for c in (anchor, test)))
    if overlap < SMALLEST_OVERLAP:
        problems.append(f"overlap {100 * overlap:.0f} %, less than {100 * SMALLEST_OVERLAP:.0f} %")
    value = nan
    if overlap > 0:
        # A second, with scipy and pyplot, that reports without an anchor do not need.
        import bjontegaard

        function = bjontegaard.bd_rate if of_size else bjontegaard.bd_psnr
        value, *curves = function(
            anchor.sizes,
            sign * anchor.quality,
            test.sizes,
            sign * test.quality,
            method=interpolation,
            require_matching_points=False,
            interpolators=True,
            min_overlap=0,
        )
        value = float(value) if of_size else sign * float(value)
        # Between increasing points pchip increases; the others need not.
        if interpolation != "pchip" and not all(_is_increasing(curve, low, high) for curve in curves):
            problems.append(f"the {interpolation} interpolation is not monotonic")
    status = ", ".join(problems) or "ok"
    return Difference(value, status, dropped, dropped_of_anchor, overlap, points)


def _is_finite(curve: Curve) -> bool:
    return bool(np.isfinite(curve.quality).all() and np.isfinite(curve.sizes).all() and (curve.sizes > 0).all())


def _without_dominated(curve: Curve, sign: float) -> tuple[Curve, tuple[str, ...]]:
    """The points that are better than every smaller one, by size, and the names of the others."""
    kept, dropped = front(curve.sizes, sign * curve.quality)
    best = Curve(tuple(curve.rates[index] for index in kept), curve.sizes[kept], curve.quality[kept], curve.name)
    return best, tuple(curve.rates[index] for index in dropped)


def front(sizes: NDArray[np.float64], goodness: NDArray[np.float64]) -> tuple[list[int], list[int]]:
    """By size, the points that are better than every smaller one, and the others.

    Args:
        goodness: higher is better.
    """
    kept: list[int] = []
    dropped: list[int] = []
    best = -np.inf
    for index in np.lexsort((-goodness, sizes)):
        (kept if goodness[index] > best else dropped).append(int(index))
        best = max(best, goodness[index])
    return kept, dropped


def _common_interval(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[float, float, float]:
    """Where both are: from, to, and its share of where either is."""
    low, high = max(a.min(), b.min()), min(a.max(), b.max())
    return low, high, max(high - low, 0.0) / (max(a.max(), b.max()) - min(a.min(), b.min()))


def _is_increasing(curve: Callable[[NDArray[np.float64]], NDArray[np.float64]], low: float, high: float) -> bool:
    return bool((np.diff(curve(np.linspace(low, high, _SAMPLES))) > 0).all())
