"""Means over seeds, then over scenes, with the deviation over seeds: an incomplete mean is refused."""

from dataclasses import dataclass
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Averages:
    """Indexed by the keys of the groups.

    Attributes:
        means: of each column; NaN where a scene, or a value of any row, is missing.
        deviations: sample standard deviation, over the seeds that have every scene, of their means over scenes; NaN
            with fewer than two such seeds.
        missing: the names of the scenes that a group lacks, "" if none.
    """

    means: pd.DataFrame
    deviations: pd.DataFrame
    missing: pd.Series


def scenes_of(frame: pd.DataFrame) -> dict[str, list[str]]:
    """The scenes of each data set: those that any of its rows has, sorted."""
    return {dataset: sorted(scenes.unique()) for dataset, scenes in frame.groupby("dataset")["scene"]}


def average_over_scenes(
    frame: pd.DataFrame, keys: list[str], columns: list[str], scenes: dict[str, list[str]]
) -> Averages:
    """Average each group of rows over its seeds, then over the scenes of its data set.

    Args:
        frame: with the columns dataset, scene and seed beside `keys` and `columns`.
        keys: of a group; the first one is "dataset".
        scenes: of each data set, as `scenes_of` says; an average is over all of them or refused.
    """
    by_scene = _complete_means(frame, [*keys, "scene"], columns).reset_index()
    means = _complete_means(by_scene, keys, columns)
    present = by_scene.groupby(keys)["scene"].agg(set)
    lists = [", ".join(scene for scene in scenes[key[0]] if scene not in there) for key, there in present.items()]
    missing = pd.Series(lists, index=present.index, dtype=object)

    by_seed = _complete_means(frame, [*keys, "seed"], columns)
    seed_scenes = frame.groupby([*keys, "seed"])["scene"].nunique()
    all_scenes = seed_scenes.index.get_level_values("dataset").map(lambda dataset: len(scenes[dataset]))
    deviations = by_seed[seed_scenes.to_numpy() == all_scenes].groupby(keys).std(ddof=1).reindex(means.index)
    return Averages(means.where(missing.eq(""), axis=0), deviations, missing)


def average_over_seeds(frame: pd.DataFrame, keys: list[str], columns: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Mean and sample standard deviation of each column over the seeds of each group."""
    return _complete_means(frame, keys, columns), frame.groupby(keys)[columns].std(ddof=1)


def _complete_means(frame: pd.DataFrame, keys: list[str], columns: list[str]) -> Any:
    """Means of each group; NaN where any value is."""
    groups = frame.groupby(keys)
    return groups[columns].mean().where(groups[columns].count().eq(groups.size(), axis=0))
