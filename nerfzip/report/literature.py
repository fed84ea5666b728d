"""Points that papers report, the data files of conf/literature/.

They stay beside results, except in BD-rates on request.
"""

from collections import defaultdict
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from nerfzip.errors import ConfigError
from nerfzip.registry import conf_folders
from nerfzip.report.metric import METRICS

UNITS = {"kB": 1e3, "MB": 1e6, "KiB": 2**10, "MiB": 2**20}
"""In bytes."""

_TABLE_KEYS = {"source", "dataset", "scenes", "unit", "counts", "points"}
_OPTIONAL_POINT_KEYS = {"variant", "curve", "views"}


@dataclass(frozen=True)
class PaperPoint:
    """An average over a data set, as printed.

    Attributes:
        paper, source: the paper's short name and its table.
        scenes: how many scenes of `dataset` were averaged.
        variant: what an ablation changed; "" for a method as proposed.
        curve: the rate-distortion curve that a variant is a point of, by the setting that goes along it; "" for none.
        views: "test" or "training".
        bytes: the size, and what it `counts`.
        metrics: by the names of `METRICS`.
    """

    paper: str
    source: str
    method: str
    variant: str
    curve: str
    dataset: str
    scenes: int
    views: str
    bytes: float
    counts: str
    metrics: dict[str, float]


def paper_points() -> list[PaperPoint]:
    """The points of every file in the configuration folders.

    Raises:
        ConfigError: a file is not of this form.
    """
    files = [path for folder in conf_folders() for path in sorted((folder / "literature").glob("*.yaml"))]
    return [point for path in files for point in read_paper(path)]


def comparable(points: list[PaperPoint], dataset: str, scenes: int, metric: str) -> list[PaperPoint]:
    """Those that may be drawn beside our average over so many scenes: same data set, as many scenes, test views."""
    return [
        point
        for point in points
        if (point.dataset, point.scenes, point.views, point.variant) == (dataset, scenes, "test", "")
        and metric in point.metrics
    ]


def paper_curves(points: list[PaperPoint], dataset: str, scenes: int, metric: str) -> dict[str, list[PaperPoint]]:
    """The points that may be compared with our average over so many scenes, by curve: "METHOD, CURVE [PAPER]".

    Points of a method as proposed are a curve too, if there are several: "METHOD [PAPER]".
    """
    curves: dict[str, list[PaperPoint]] = defaultdict(list)
    for point in points:
        as_ours = (point.dataset, point.scenes, point.views) == (dataset, scenes, "test")
        if as_ours and metric in point.metrics and (point.curve or not point.variant):
            name = f"{point.method}, {point.curve}" if point.curve else point.method
            curves[f"{name} [{point.paper}]"].append(point)
    return {name: curve for name, curve in curves.items() if len(curve) > 1}


def read_paper(path: Path) -> list[PaperPoint]:
    """The points of one file.

    Raises:
        ConfigError: it can't be read, or a key or a value is missing, unknown or impossible.
    """
    try:
        content: Any = OmegaConf.to_container(OmegaConf.load(path))
    except (OSError, ValueError, OmegaConfBaseException) as error:
        raise ConfigError(f"{path}: can't be read: {error}") from error
    # PyYAML's own errors have no common base that omegaconf passes on.
    except Exception as error:
        raise ConfigError(f"{path}: not YAML: {error}") from error
    _check_keys(str(path), content, {"paper", "tables"}, set())
    points = []
    for table in _list(f"{path}: tables", content["tables"]):
        where = f"{path}: {table.get('source', 'a table')}" if isinstance(table, dict) else f"{path}: tables"
        _check_keys(where, table, _TABLE_KEYS, set())
        if table["unit"] not in UNITS:
            raise ConfigError(f"{where}: unit: {table['unit']!r}, expected one of {', '.join(UNITS)}")
        if not isinstance(table["scenes"], int):
            raise ConfigError(f"{where}: scenes: {table['scenes']!r}, expected how many were averaged")
        for point in _list(f"{where}: points", table["points"]):
            points.append(_point(where, str(content["paper"]), table, point))
    return points


def _point(where: str, paper: str, table: dict[str, Any], point: Any) -> PaperPoint:
    _check_keys(f"{where}: a point", point, {"method", "size"}, set(METRICS) | _OPTIONAL_POINT_KEYS)
    where = f"{where}: {point['method']}"
    numbers = {name: point[name] for name in ("size", *METRICS) if name in point}
    for name, value in numbers.items():
        if not isinstance(value, int | float) or not isfinite(value) or value <= 0:
            raise ConfigError(f"{where}: {name}: {value!r}, expected a positive number")
    views = point.get("views", "test")
    if views not in ("test", "training"):
        raise ConfigError(f"{where}: views: {views!r}, expected test or training")
    size = numbers.pop("size")
    return PaperPoint(
        paper=paper,
        source=str(table["source"]),
        method=str(point["method"]),
        variant=str(point.get("variant", "")),
        curve=str(point.get("curve", "")),
        dataset=str(table["dataset"]),
        scenes=table["scenes"],
        views=views,
        bytes=size * UNITS[table["unit"]],
        counts=str(table["counts"]),
        metrics={name: float(value) for name, value in numbers.items()},
    )


def _check_keys(where: str, found: Any, needed: set[str], optional: set[str]) -> None:
    if not isinstance(found, dict):
        raise ConfigError(f"{where}: {found!r}, expected keys {', '.join(sorted(needed))}")
    if missing := needed - found.keys():
        raise ConfigError(f"{where}: without {', '.join(sorted(missing))}")
    if unknown := {str(key) for key in found} - needed - optional:
        raise ConfigError(
            f"{where}: unknown {', '.join(sorted(unknown))}; expected {', '.join(sorted(needed | optional))}"
        )


def _list(where: str, found: Any) -> list[Any]:
    if not isinstance(found, list):
        raise ConfigError(f"{where}: {found!r}, expected a list")
    return found
