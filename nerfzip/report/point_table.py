"""Differences of every label and rate to one point: per scene and seed first, then averaged over scenes."""

from collections import defaultdict

import pandas as pd

from nerfzip.errors import NerfzipError
from nerfzip.report.anchor import counterpart
from nerfzip.report.averages import average_over_scenes, noted
from nerfzip.report.extent import Extent, extent_of
from nerfzip.report.metric import METRICS
from nerfzip.report.results import KEYS, by_size
from nerfzip.report.table import Cell, Column, Number, Row, Table

_SIZE = "size"
_WHY_NOT = "why not"


def point_table(frame: pd.DataFrame, label: str, rate: str, extent: Extent | None = None) -> Table:
    """A line for each label and rate but the anchor, by size; mean ± deviation over seeds.

    Args:
        label, rate: of the anchor.
        extent: of complete results; None is that of the rows.

    Raises:
        NerfzipError: there is nothing to compare with the anchor.
    """
    differences = _differences(frame, label, rate)
    metrics = [metric for metric in METRICS.values() if metric.name in differences]
    names = [_SIZE, *(metric.name for metric in metrics)]
    averages = average_over_scenes(differences, KEYS, names, extent or extent_of(frame))
    reasons = {key: _reasons(lines) for key, lines in differences.groupby(KEYS)}
    rows = []
    for key in by_size(averages.means, frame):
        means, deviations = averages.means.loc[key], averages.deviations.loc[key]
        note = noted(key[1:], "; ".join(filter(None, [reasons[key], averages.gaps[key]])))
        size, *qualities = (Number(means[name], deviations[name], note) for name in names)
        cells: list[Cell] = [*key, size, Number(100 / size.value, note=note), *qualities]
        rows.append(Row(cells, group=key[0]))
    columns = [Column("data set"), Column("label"), Column("rate"), Column("relative size", "%", 2, -1)]
    columns += [Column("times smaller", decimals=2), *(metric.column("Δ ") for metric in metrics)]
    return Table(f"Differences to {label}/{rate}", columns, rows)


def _differences(frame: pd.DataFrame, label: str, rate: str) -> pd.DataFrame:
    """One line for each row but the anchor's; NaN, with the reason, where the anchor has nothing to compare with it.

    Beside the keys, scene and seed the columns are the size in percent of the anchor's, the difference of each metric
    that both have anywhere, and the reason, "" for none.
    """
    frame = frame.reset_index(drop=True)
    is_anchor = (frame["label"] == label) & (frame["rate"] == rate)
    anchors: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)
    place = ["dataset", "scene", "seed"]
    for index, dataset, scene, seed in frame.loc[is_anchor, place].itertuples(name=None):
        anchors[dataset, scene][seed] = index
    others = frame[~is_anchor]
    if others.empty:
        raise NerfzipError(f"anchor {label}/{rate}: every row is of this point, there is nothing to compare it with")
    found = [
        counterpart(anchors.get((dataset, scene), {}), seed)
        for dataset, scene, seed in others[place].itertuples(index=False, name=None)
    ]
    # Where there is no counterpart every value is NaN.
    references = frame.reindex([index for index, _ in found]).set_index(others.index)
    values = {_SIZE: 100 * others["bytes"] / references["bytes"]}
    values |= {name: others[name] - references[name] for name in METRICS if name in frame}
    values = {name: column for name, column in values.items() if name == _SIZE or column.notna().any()}
    return others[[*KEYS, "scene", "seed"]].assign(**values, **{_WHY_NOT: [why for _, why in found]})


def _reasons(lines: pd.DataFrame) -> str:
    """Why scenes of a label and rate could not be compared, "" if all could."""
    scenes: dict[str, list[str]] = defaultdict(list)
    for scene, why in sorted(set(zip(lines["scene"], lines[_WHY_NOT], strict=True))):
        if why:
            scenes[why].append(scene)
    return "; ".join(f"{', '.join(names)}: {why}" for why, names in scenes.items())
