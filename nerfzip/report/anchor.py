"""The anchor: the curve or point that differences are taken to, and what of it a scene and seed is compared with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import pandas as pd

from nerfzip.registry import check_name
from nerfzip.report.bd_papers import PaperCurves

T = TypeVar("T")


@dataclass(frozen=True)
class Anchor:
    """One point of the curve `label`, or the whole curve if `rate` is None."""

    label: str
    rate: str | None = None


def find_anchor(name: str, frame: pd.DataFrame, papers: PaperCurves) -> Anchor:
    """The curve of this name, ours or of `papers`, or if there is none the point that has it as LABEL/RATE.

    Raises:
        ConfigError: there is neither.
    """
    curves = [*sorted(frame["label"].unique()), *(curve for theirs in papers.values() for curve in theirs)]
    pairs = sorted(set(zip(frame["label"], frame["rate"], strict=True)))
    points = {f"{label}/{rate}": Anchor(label, rate) for label, rate in pairs}
    check_name("anchor", name, [*curves, *points])
    return Anchor(name) if name in curves else points[name]


def counterpart(of_seeds: Mapping[int, T], seed: int) -> tuple[T | None, str]:
    """What the anchor has at the same seed, or at its only one; or None, and why.

    Args:
        of_seeds: what the anchor has on the scene, by seed.
    """
    if seed in of_seeds:
        return of_seeds[seed], ""
    if len(of_seeds) == 1:
        return next(iter(of_seeds.values())), ""
    return None, f"the anchor has no seed {seed}" if of_seeds else "the anchor has no such scene"
