"""Means over seeds, then over scenes, with the deviation over seeds: one without a scene is refused."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import pandas as pd

from nerfzip.report.extent import Extent, missing_seeds


@dataclass(frozen=True)
class Averages:
    """Indexed by the keys of the groups.

    Attributes:
        means: of each column; NaN where a scene, or a value of any row, is missing.
        deviations: sample standard deviation, over the seeds that have every scene, of their means over scenes; NaN
            with fewer than two such seeds.
        gaps: what a group lacks, "" if nothing: the scenes without which its mean is refused, or else the seeds that
            others are averaged over too.
    """

    means: pd.DataFrame
    deviations: pd.DataFrame
    gaps: pd.Series


def average_over_scenes(frame: pd.DataFrame, keys: list[str], columns: list[str], extent: Extent) -> Averages:
    """Average each group of rows over its seeds, then over the scenes of its data set.

    Args:
        frame: with the columns dataset, scene and seed beside `keys` and `columns`.
        keys: of a group; the first one is "dataset".
        extent: the scenes that an average is over or refused, and the seeds.
    """
    by_scene = _complete_means(frame, [*keys, "scene"], columns).reset_index()
    means = _complete_means(by_scene, keys, columns)
    present: dict[Any, list[tuple[str, int]]] = defaultdict(list)
    for *key, scene, seed in frame[[*keys, "scene", "seed"]].drop_duplicates().itertuples(index=False, name=None):
        present[tuple(key)].append((scene, seed))
    scenes = {key: {scene for scene, _ in pairs} for key, pairs in present.items()}
    lacking = [", ".join(name for name in extent.scenes[key[0]] if name not in scenes[key]) for key in means.index]
    refused = pd.Series([f"no average over scenes without {names}" if names else "" for names in lacking], means.index)
    short = {key: missing_seeds(pairs, extent.scenes[key[0]], extent.seeds[key[0]]) for key, pairs in present.items()}
    gaps = pd.Series([refused[key] or short[key] for key in means.index], means.index, dtype=object)

    by_seed = _complete_means(frame, [*keys, "seed"], columns)
    seed_scenes = frame.groupby([*keys, "seed"])["scene"].nunique()
    all_scenes = seed_scenes.index.get_level_values("dataset").map(lambda dataset: len(extent.scenes[dataset]))
    deviations = by_seed[seed_scenes.to_numpy() == all_scenes].groupby(keys).std(ddof=1).reindex(means.index)
    return Averages(means.where(refused.eq(""), axis=0), deviations, gaps)


def average_over_seeds(frame: pd.DataFrame, keys: list[str], columns: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Mean and sample standard deviation of each column over the seeds of each group."""
    return _complete_means(frame, keys, columns), frame.groupby(keys)[columns].std(ddof=1)


def noted(names: Any, gap: str) -> str:
    """The note of a number of a group with these names; "" without a gap."""
    return f"{' at '.join(names)}: {gap}" if gap else ""


def _complete_means(frame: pd.DataFrame, keys: list[str], columns: list[str]) -> Any:
    """Means of each group; NaN where any value is."""
    groups = frame.groupby(keys)
    return groups[columns].mean().where(groups[columns].count().eq(groups.size(), axis=0))
