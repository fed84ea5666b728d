"""The result of one job: a JSON file that holds all that the result depends on."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from nerfzip.errors import NerfzipError
from nerfzip.files import write_atomically

SCHEMA = 4
"""1 had no labels; its rows are read with their method's name as the label. 1 and 2 had static scenes only. Up to 3 the
images were a list of objects."""


class NewerRowError(NerfzipError):
    """A row of a later schema than this version knows."""


@dataclass(frozen=True)
class Row:
    """One point of a rate-distortion curve. Sizes are in bytes; times in seconds, without the compilation of kernels.

    Attributes:
        label: the series of tables and curves that the point belongs to.
        schema: version of this list of fields.
        config: settings of method and data set, the rate's overrides merged in.
        frames: of a volumetric video; 1 for a static scene.
        fingerprint: of the capture, `Scene.fingerprint`.
        bytes: size of the file on disk.
        bytes_by_component: by section of the file; they sum to `bytes`.
        uncompressed_bytes: size of the fitted model as the method counts it, None if it does not say.
        digest: of the decoded tensors, hex.
        metrics: means over the images.
        images: columns with a value for each measured view: its frame, split, name, file, digest of the ground truth
            (`ground_truth.pixel_digest`), metrics and render time. A column is several times as quick to read as a
            dictionary for each view.
        seconds: fit (when it was made), compress, decompress (of a volumetric video: all frames), render (mean of an
            image), and of a volumetric video frame (mean of decoding one on its own).
        fit_from_cache: whether the fit was made by an earlier job.
        peak_memory: of the encoding process, of the decoding one, and on their CUDA devices.
        code_version: digest of the source files that the point depends on.
        commit: of the checkout, None outside of one.
        device: what the decoder ran on.
        date: ISO 8601, UTC.
    """

    label: str
    method: str
    dataset: str
    scene: str
    rate: str
    seed: int
    config: dict[str, Any]
    fingerprint: str
    bytes: int
    bytes_by_component: dict[str, int]
    uncompressed_bytes: int | None
    digest: str
    metrics: dict[str, float]
    images: dict[str, list[Any]]
    seconds: dict[str, float]
    fit_from_cache: bool
    peak_memory: dict[str, int]
    code_version: str
    commit: str | None
    libraries: dict[str, str]
    device: str
    date: str
    frames: int = 1
    schema: int = SCHEMA

    def image(self, number: int) -> dict[str, Any]:
        """What is known of one measured view, by the names of the columns."""
        return {name: column[number] for name, column in self.images.items() if column[number] is not None}


def image_columns(images: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The views of a row, each by itself, as the columns of `Row.images`; None where one lacks what another has."""
    names = dict.fromkeys(name for image in images for name in image)
    return {name: [image.get(name) for image in images] for name in names}


def write_row(path: Path, row: Row) -> None:
    write_atomically(path, row_text(row).encode())


def row_text(row: Row) -> str:
    """The JSON of a row: a line for each value, and one for each list, however long."""
    return _indented(dataclasses.asdict(row))


def read_row(path: Path, with_images: bool = True) -> Row:
    """Read one row, of this schema or an earlier one.

    Args:
        with_images: without, its `images` are empty. They are nine tenths of the memory that thousands of rows take.

    Raises:
        NewerRowError: a row of a later schema.
        NerfzipError: the file is missing or damaged, or holds something else.
    """
    try:
        fields = _parsed(path.read_bytes())
        schema = fields["schema"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NerfzipError(f"{path}: not a result row: {error}") from error
    if schema not in range(1, SCHEMA + 1):
        error_type = NewerRowError if isinstance(schema, int) and schema > SCHEMA else NerfzipError
        raise error_type(f"{path}: a row of schema {schema}, this version of nerfzip reads schemas 1 to {SCHEMA}")
    try:
        images = _images(fields["images"], schema)
        kept = images if with_images else {}
        return Row(**{"label": fields["method"], **fields, "images": kept, "schema": SCHEMA})
    except (KeyError, TypeError, ValueError) as error:
        raise NerfzipError(f"{path}: not a result row: {error}") from error


def _parsed(data: bytes) -> dict[str, Any]:
    """By the faster parser; `json` takes what is no JSON too, such as the infinite numbers of some older rows."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return json.loads(data)


def _images(found: Any, schema: int) -> dict[str, list[Any]]:
    try:
        columns = image_columns(found) if schema < 4 else found
        types = set(map(type, columns.values()))
    except (AttributeError, TypeError) as error:
        raise ValueError(f"images: {error}") from error
    if types - {list}:
        raise ValueError("images: expected a list in each column")
    if len(set(map(len, columns.values()))) > 1:
        raise ValueError("images: columns of different lengths")
    for name in ("view", "file") if columns else ():
        if set(map(type, columns.get(name, [None]))) - {str}:
            raise ValueError(f"images.{name}: expected a text for each view")
    return columns


def _indented(value: Any, before: str = "") -> str:
    """As `json.dumps` with an indent, but for lists; `before` is that of the line."""
    if not isinstance(value, dict) or not value:
        return json.dumps(value)
    inner = before + "  "
    lines = (f"{inner}{json.dumps(key)}: {_indented(child, inner)}" for key, child in value.items())
    return "{\n" + ",\n".join(lines) + f"\n{before}}}"
