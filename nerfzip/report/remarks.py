"""What a reader must know of the rows behind the curves."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from nerfzip.benchmark.row import Row

MOST_NAMES = 5
"""In one remark."""


def curve_remarks(originals: Sequence[Row], rows: Sequence[Row]) -> Iterator[str]:
    """Captures that share a name, and curves of several versions of the code or of a library.

    Args:
        originals: as they were stored.
        rows: the same rows with the labels and scenes of the report.
    """
    captures: dict[tuple[str, str], set[str]] = defaultdict(set)
    codes: dict[tuple[str, str], set[str]] = defaultdict(set)
    libraries: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for original, row in zip(originals, rows, strict=True):
        captures[original.dataset, original.scene].add(row.scene)
        codes[row.dataset, row.label].add(row.code_version)
        for name, version in row.libraries.items():
            libraries[row.dataset, row.label][name].add(version)
    for (dataset, scene), names in captures.items():
        if len(names) > 1:
            yield f"{dataset}: {len(names)} captures have the name {scene}: {listed(sorted(names))}"
    if mixed := [label for (_, label), versions in codes.items() if len(versions) > 1]:
        yield f"curves of rows by several versions of the code: {listed(mixed)}"
    changed = [
        f"{label} ({name} {', '.join(sorted(versions))})"
        for (_, label), by_name in libraries.items()
        for name, versions in by_name.items()
        if len(versions) > 1
    ]
    if changed:
        yield f"curves of rows by several versions of a library: {listed(changed)}"


def listed(names: Iterable[str], separator: str = ", ") -> str:
    """The first names, each once, and how many there are more."""
    different = list(dict.fromkeys(names))
    shown = different[:MOST_NAMES]
    return separator.join(shown) + (f" and {len(different) - len(shown)} more" if len(different) > len(shown) else "")
