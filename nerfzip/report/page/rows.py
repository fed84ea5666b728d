"""What the page knows of each row, compactly: texts that many rows share are stored once and named by their number."""

import dataclasses
import shlex
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any

from nerfzip.benchmark.row import Row
from nerfzip.errors import ConfigError
from nerfzip.report.metric import Metric
from nerfzip.report.page.command import dataset_words, method_words, seed_and_label_words
from nerfzip.report.page.curves import place_name
from nerfzip.report.page.pictures import Picture, View
from nerfzip.report.series import settings_bytes, settings_of


def values(measured: Mapping[str, Any], metrics: Sequence[Metric]) -> list[float | None]:
    """Of each metric; None where it is missing or not finite, which JSON does not have."""
    found = (measured.get(metric.name) for metric in metrics)
    return [value if isinstance(value, int | float) and isfinite(value) else None for value in found]


class Texts:
    """Different texts and their numbers."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        return self._numbers.setdefault(text, len(self._numbers))

    def all(self) -> list[str]:
        return list(self._numbers)


def page_rows(
    rows: Sequence[Row], originals: Sequence[Row], metrics: Sequence[Metric], labels: Sequence[str]
) -> dict[str, Any]:
    """`rows`, in which a text is its number in `texts`; their `settings` are numbers in the lists of both parts.

    Args:
        rows: with labels of `labels`.
        originals: the same rows with the labels that they were made with.
    """
    texts = Texts()
    parts = [_Part(rows, "method_settings"), _Part(rows, "dataset_settings")]
    commands = _Commands(*parts)
    places = {label: place for place, label in enumerate(labels)}
    content = []
    for index, (row, original) in enumerate(zip(rows, originals, strict=True)):
        try:
            command = {"command": [texts.number(part) for part in commands.parts(index, original)]}
        except ConfigError as error:
            command = {"no_command": [texts.number(str(error))]}
        content.append(
            {
                "label": places[row.label],
                "rate": texts.number(row.rate),
                "scene": texts.number(row.scene),
                "seed": row.seed,
                "bytes": row.bytes,
                "values": values(row.metrics, metrics),
                "settings": [part.numbers[index] for part in parts],
                **command,
            }
        )
    return {"rows": content, "texts": texts.all(), "settings": [part.content() for part in parts]}


def page_views(
    rows: Sequence[Row], views: Sequence[View], pictures: Sequence[Picture], metrics: Sequence[Metric]
) -> list[dict[str, Any]]:
    """The scenes with pictures, each with its views, their ground truth and their decoded images."""
    scenes: dict[tuple[str, str, str], dict[tuple[int, str], dict[str, Any]]] = {}
    for view, picture in zip(views, pictures, strict=True):
        row = rows[view.row]
        # Two loaders may have made two ground truths of one capture.
        shown = scenes.setdefault((row.dataset, row.scene, row.fingerprint), {}).setdefault(
            (view.number, view.truth.name), {"name": str(view.image["view"]), "truth": None, "decoded": []}
        )
        shown["truth"] = shown["truth"] or picture.truth
        if picture.decoded is not None:
            shown["width"], shown["height"] = picture.width, picture.height
            measures = values(view.image, metrics)
            shown["decoded"].append(
                {"row": view.row, "image": picture.decoded, "error": picture.error, "values": measures}
            )
    return [
        {"title": place_name(dataset, scene), "views": complete}
        for (dataset, scene, _), by_number in scenes.items()
        if (complete := [view for _, view in sorted(by_number.items()) if view["decoded"]])
    ]


class _Part:
    """The settings of the method or of the data set: thousands of rows have few different ones.

    Attributes:
        numbers: for each row that of its settings.
    """

    def __init__(self, rows: Sequence[Row], key: str) -> None:
        known: dict[bytes, int] = {}
        self.numbers = [known.setdefault(settings_bytes(row, key), len(known)) for row in rows]
        examples = dict(zip(self.numbers, rows, strict=True))
        self._different = [settings_of(_only(examples[number], key)) for number in range(len(examples))]

    def content(self) -> dict[str, Any]:
        """`lists` of numbers in the `values` of each of `names`, -1 where unset. The first `varying` names vary."""
        known: dict[str, Texts] = {}
        for settings in self._different:
            for name, value in settings.items():
                known.setdefault(name, Texts()).number(value)
        varying = {name for name in known if len(known[name].all()) > 1}
        names = sorted(known, key=lambda name: (name not in varying, name.endswith("_")))
        return {
            "names": names,
            "values": [known[name].all() for name in names],
            "varying": len(varying),
            "lists": [
                [known[name].number(settings[name]) if name in settings else -1 for name in names]
                for settings in self._different
            ],
        }


def _only(row: Row, key: str) -> Row:
    empty: dict[str, Any] = {"method_settings": {}, "dataset_settings": {}}
    return dataclasses.replace(row, config=empty | {key: row.config[key]})


class _Commands:
    """The parts of commands; many rows share those of the method and of the data set."""

    def __init__(self, method: _Part, dataset: _Part) -> None:
        self._method, self._dataset = method, dataset
        self._known: dict[Any, str | ConfigError] = {}

    def parts(self, index: int, row: Row) -> list[str]:
        """Joined by spaces they are the command for a shell, but for where the results go."""
        method = (row.method, row.rate, row.seed, row.device, self._method.numbers[index])
        dataset = (row.dataset, row.seed, self._dataset.numbers[index])
        shared = [self._part(method, method_words, row), self._part(dataset, dataset_words, row)]
        return ["nerfzip run", *shared, shlex.join(seed_and_label_words(row))]

    def _part(self, key: Any, words: Callable[[Row], list[str]], row: Row) -> str:
        if key not in self._known:
            try:
                self._known[key] = shlex.join(words(row))
            except ConfigError as error:
                self._known[key] = error
        known = self._known[key]
        if isinstance(known, ConfigError):
            raise known
        return known
