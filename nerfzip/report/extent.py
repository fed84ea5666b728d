"""What complete results would have: the scenes and seeds of each data set, the rates of each label."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from nerfzip.benchmark.plan_file import PlannedPoint


@dataclass(frozen=True)
class Extent:
    """Sorted, and what any row has or a sweep planned.

    Attributes:
        scenes, seeds: of each data set.
        rates: of each data set and label, over all scenes and seeds.
    """

    scenes: dict[str, list[str]]
    seeds: dict[str, list[int]]
    rates: dict[tuple[str, str], list[str]]


def extent_of(
    frame: pd.DataFrame, planned: Iterable[PlannedPoint] = (), stored: Collection[tuple[str, str]] = ()
) -> Extent:
    """The extent of the rows and of planned points.

    Args:
        frame: one line for each row.
        planned: those of data sets without a row are left out.
        stored: data sets and scenes of rows; `frame` may call them otherwise, so these are not taken from `planned`.
    """
    scenes: dict[str, set[str]] = defaultdict(set)
    seeds: dict[str, set[int]] = defaultdict(set)
    rates: dict[tuple[str, str], set[str]] = defaultdict(set)
    keys = ["dataset", "scene", "label", "seed", "rate"]
    points = list(frame[keys].drop_duplicates().itertuples(index=False, name=None))
    datasets = {dataset for dataset, *_ in points}
    for point in planned:
        if point.dataset not in datasets:
            continue
        scene = None if (point.dataset, point.scene) in stored else point.scene
        points.append((point.dataset, scene, point.label, point.seed, point.rate))
    for dataset, scene, label, seed, rate in points:
        # A planned capture that can't be loaded has no name.
        if scene is not None:
            scenes[dataset].add(scene)
        seeds[dataset].add(int(seed))
        rates[dataset, label].add(rate)
    return Extent(_sorted(scenes), _sorted(seeds), _sorted(rates))


def missing_seeds(present: Iterable[tuple[str, int]], scenes: list[str], seeds: list[int]) -> str:
    """Which of the seeds a group lacks, such as "without seeds 0, 1, and without seed 2 on ship"; "" if none.

    Args:
        present: scenes and seeds of the group. A scene that it lacks altogether is not spoken of.
    """
    there: dict[str, set[int]] = defaultdict(set)
    for scene, seed in present:
        there[scene].add(seed)
    own = [scene for scene in scenes if scene in there]
    lacking: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for seed in seeds:
        if without := tuple(scene for scene in own if seed not in there[scene]):
            lacking[without].append(seed)
    return ", and ".join(
        f"without seed{'s' * (len(names) > 1)} {', '.join(map(str, names))}"
        + ("" if len(without) == len(own) else f" on {', '.join(without)}")
        for without, names in lacking.items()
    )


def _sorted(found: dict[Any, set[Any]]) -> dict[Any, list[Any]]:
    return {key: sorted(values) for key, values in sorted(found.items())}
