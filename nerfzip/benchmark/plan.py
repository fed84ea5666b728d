"""The plan of a sweep: its points, which fits and scenes they share, and how far each is."""

import hashlib
import itertools
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from nerfzip.benchmark.fit_cache import cache_folder, fit_key, model_file
from nerfzip.benchmark.job import point_folder
from nerfzip.benchmark.plan_file import FOLDER, SCHEMA, PlannedPoint
from nerfzip.benchmark.store import StoredPoint, stored_point
from nerfzip.config import JobConfig, build
from nerfzip.data.scene import Capture
from nerfzip.errors import ConfigError, NerfzipError
from nerfzip.files import write_atomically
from nerfzip.method import Method, check_capture
from nerfzip.progress import track


@dataclass(frozen=True)
class Point:
    """A job of a sweep; `stored` is what its folder held when the plan was made, `fit` the key of its fit."""

    config: JobConfig
    scene: Capture
    fit: str
    stored: StoredPoint

    @property
    def folder(self) -> Path:
        return self.stored.folder


@dataclass(frozen=True)
class Unloadable:
    """A job whose capture can't be loaded, and why. Nothing is stored of it: the next sweep tries again."""

    config: JobConfig
    reason: str


@dataclass(frozen=True)
class Plan:
    """Points in an order in which those of one scene, and of one fit, follow each other."""

    points: list[Point]
    unloadable: list[Unloadable]


def make_plan(configs: list[JobConfig]) -> Plan:
    """Load each capture once and look at what is stored.

    Raises:
        ConfigError: impossible settings of a method, a capture that it does not take, or one point under two labels.
        NewerRowError: a point that a later version of nerfzip has completed.
    """
    methods = _methods(configs)
    scenes: dict[str, Capture | str] = {}
    points: dict[Path, Point] = {}
    unloadable = []
    for config in track(configs, "plan", len(configs)):
        capture = json.dumps(config.dataset_settings, sort_keys=True)
        if capture not in scenes:
            scenes[capture] = _load(config)
        scene = scenes[capture]
        if isinstance(scene, str):
            unloadable.append(Unloadable(config, scene))
            continue
        check_capture(methods[json.dumps(config.method_settings, sort_keys=True)], config.method, scene)
        folder = point_folder(config, scene)
        if folder not in points:
            points[folder] = Point(config, scene, fit_key(config, scene), stored_point(folder))
        elif (first := points[folder].config.label) != config.label:
            raise ConfigError(f"label: {first} and {config.label} for one point, {folder.name}; expected one label")
    return Plan(_in_order(points.values()), unloadable)


def point_name(point: Point) -> str:
    """For people, for example "vqrf lego medium", with the seed if it is not 0."""
    config = point.config
    return f"{config.label} {point.scene.name} {config.rate}" + (f" seed {config.seed}" if config.seed else "")


def fits_of(points: Iterable[Point]) -> dict[Path, bool]:
    """The files of the fits that points share, and whether each is there."""
    return {file: file.exists() for point in points for file in [fit_file(point)]}


def fit_file(point: Point) -> Path:
    return model_file(cache_folder(point.config), point.fit)


def write_plan(out: Path, plan: Plan, words: list[str]) -> None:
    """Leave in the folder of results what `nerfzip status` compares it with; it replaces a plan of the same words.

    Raises:
        NerfzipError: the folder can't be written.
    """
    planned = [_planned(point.config, point.scene.name, point.folder.name) for point in plan.points]
    planned += [_planned(job.config, None, None, job.reason) for job in plan.unloadable]
    content = {
        "schema": SCHEMA,
        "date": datetime.now(UTC).isoformat(),
        "words": words,
        "points": [asdict(point) for point in planned],
    }
    digest = hashlib.sha256(json.dumps(words).encode()).hexdigest()
    write_atomically(out / FOLDER / f"{digest[:12]}.json", json.dumps(content, indent=1).encode())


def _planned(config: JobConfig, scene: str | None, folder: str | None, reason: str = "") -> PlannedPoint:
    names = (config.label, config.method, config.dataset, scene, config.rate, config.seed)
    return PlannedPoint(*names, folder=folder, reason=reason)


def _methods(configs: list[JobConfig]) -> dict[str, Method]:
    """By their settings. What is wrong with those is said before anything is done."""
    settings = {json.dumps(config.method_settings, sort_keys=True) for config in configs}
    return {text: build(json.loads(text)) for text in settings}


def _load(config: JobConfig) -> Capture | str:
    try:
        return build(config.dataset_settings)
    # Whatever is wrong with one capture, the points of the others can be made.
    except Exception as error:
        return " ".join((str(error) if isinstance(error, NerfzipError) else repr(error)).split())


def _in_order(points: Iterable[Point]) -> list[Point]:
    points = list(points)
    number = itertools.count()
    scenes: dict[str, int] = {}
    fits: dict[str, int] = {}
    for point in points:
        scenes.setdefault(point.scene.fingerprint, next(number))
        fits.setdefault(point.fit, next(number))
    return sorted(points, key=lambda point: (scenes[point.scene.fingerprint], fits[point.fit]))
