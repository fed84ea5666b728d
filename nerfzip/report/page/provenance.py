"""What the rows were measured on and with."""

from collections import Counter
from collections.abc import Sequence

from nerfzip.benchmark.row import Row

MOST_VALUES = 20
"""Of one kind in the page."""


def provenance(rows: Sequence[Row]) -> dict[str, list[str]]:
    """For each kind of thing its values, with the number of rows where they differ."""
    dates = sorted(row.date for row in rows)
    kinds = {
        "device": Counter(row.device for row in rows),
        "commit": Counter(row.commit or "not recorded" for row in rows),
        "version of the code": Counter(row.code_version for row in rows),
    }
    found = {
        "rows": [f"{len(rows):,}"],
        "measured": [dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}"],
    }
    found |= {kind: _texts(counts, len(rows)) for kind, counts in kinds.items()}
    libraries = Counter(pair for row in rows for pair in row.libraries.items())
    versions = Counter({f"{name} {version}": count for (name, version), count in sorted(libraries.items())})
    return found | {"libraries": _texts(versions, len(rows))} if versions else found


def _texts(counts: Counter[str], rows: int) -> list[str]:
    texts = [text if count == rows else f"{text} ({count:,} rows)" for text, count in counts.items()]
    rest = len(texts) - MOST_VALUES
    return texts if rest <= 0 else [*texts[:MOST_VALUES], f"and {rest} more"]
