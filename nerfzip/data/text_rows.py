"""Text files of numbers."""

from pathlib import Path

from nerfzip.errors import CaptureError


def read_rows(path: Path) -> list[list[float]]:
    """Rows of blank-separated numbers; empty lines are left out.

    Raises:
        CaptureError: there is no such file, or something else stands in it.
    """
    if not path.is_file():
        raise CaptureError(f"{path}: no such file")
    try:
        lines = path.read_text().splitlines()
        return [[float(word) for word in line.split()] for line in lines if line.strip()]
    except ValueError as error:
        raise CaptureError(f"{path}: {error}; expected rows of numbers") from error
