"""Files side by side in tables: what each is worth, how it differs from the first, what its bytes are spent on."""

from dataclasses import dataclass
from math import nan
from pathlib import Path

from nerfzip.benchmark.measured_file import MeasuredFile
from nerfzip.report.metric import METRICS
from nerfzip.report.table import Cell, Column, Number, Row, Table

_SECONDS = {"decompress": Column("decode", "s", 2), "render": Column("render a view", "s", 2)}


@dataclass(frozen=True)
class ComparedFile:
    """A file of a comparison.

    Attributes:
        number: its place, from 1.
        name: the end of its path, as long as it takes to tell it from the others.
        uncompressed_bytes: size of the model that it was compressed from, None if that is not known.
    """

    number: int
    name: str
    path: Path
    uncompressed_bytes: int | None
    measured: MeasuredFile


def comparison_tables(files: list[ComparedFile], scene: str) -> dict[str, Table]:
    """By the name that they are written under."""
    return {
        "files": _files_table(files, scene),
        "differences": _differences_table(files),
        "components": _components_table(files),
    }


def difference(file: ComparedFile, first: ComparedFile) -> dict[str, float]:
    """What is added to the first file's numbers: bytes, percent of its bytes, each metric, and the times in seconds."""
    a, b = first.measured, file.measured
    metrics = {name: b.metrics[name] - a.metrics[name] for name in METRICS if name in a.metrics}
    seconds = {f"seconds_{name}": b.seconds[name] - a.seconds[name] for name in _SECONDS}
    return {"bytes": b.bytes - a.bytes, "percent": 100 * (b.bytes / a.bytes - 1), **metrics, **seconds}


def _files_table(files: list[ComparedFile], scene: str) -> Table:
    metrics = _metric_columns(files)
    columns = [Column(""), Column("file"), Column("method"), Column("size", "bytes", 0, -1), Column("ratio", "", 1, 1)]
    rows = []
    for file in files:
        measured = file.measured
        ratio = nan if file.uncompressed_bytes is None else file.uncompressed_bytes / measured.bytes
        values = [measured.bytes, ratio, *(measured.metrics[name] for name in metrics)]
        values += [measured.seconds[name] for name in _SECONDS]
        rows.append(Row([str(file.number), file.name, measured.method, *map(Number, values)]))
    return Table(f"Files on {scene}", [*columns, *metrics.values(), *_SECONDS.values()], rows)


def _differences_table(files: list[ComparedFile]) -> Table:
    first, *others = files
    columns = [Column("difference"), Column("size", "bytes"), Column("size", "%", 1)]
    rows = []
    for file in others:
        cells: list[Cell] = [f"{file.number} − {first.number}", *map(Number, difference(file, first).values())]
        rows.append(Row(cells))
    title = f"Differences to {first.number}, {first.name}"
    return Table(title, [*columns, *_metric_columns(files).values(), *_SECONDS.values()], rows)


def _components_table(files: list[ComparedFile]) -> Table:
    """A dash where a file has no such component."""
    components = [file.measured.bytes_by_component for file in files]
    rows = [
        Row([name, *(Number(sizes.get(name, nan)) for sizes in components)])
        for name in dict.fromkeys(name for sizes in components for name in sizes)
    ]
    rows.append(Row(["file", *(Number(file.measured.bytes) for file in files)]))
    columns = [Column(str(file.number), "bytes") for file in files]
    return Table("Bytes by component", [Column("component"), *columns], rows)


def _metric_columns(files: list[ComparedFile]) -> dict[str, Column]:
    """Of the metrics that were measured: on one capture they are the same for all files."""
    return {metric.name: metric.column() for metric in METRICS.values() if metric.name in files[0].measured.metrics}
