"""All rows as one Parquet table, for other tools."""

import json
from typing import Any

import pandas as pd

from nerfzip.benchmark.row import SCHEMA, Row
from nerfzip.benchmark.store import frame
from nerfzip.report.series import settings_of


def parquet(rows: list[Row]) -> bytes:
    """The rows as a Parquet file, of which pandas reads the rows' schema as `attrs["schema"]`.

    The columns are those of `store.frame`, then `fingerprint`, `digest`, `library_NAME`, and every setting by its
    dotted name, such as `method.base.fine.voxels`. A setting that is a list, or not of one type in all rows, is JSON
    text. What single images measured is left out, and where a data set lies.
    """
    table = frame(rows).join(pd.DataFrame([_provenance(row) for row in rows])).join(_settings(rows))
    table.attrs = {"schema": SCHEMA}
    return table.to_parquet(None, engine="pyarrow", index=False)


def _provenance(row: Row) -> dict[str, str]:
    versions = {f"library_{name}": version for name, version in row.libraries.items()}
    return {"fingerprint": row.fingerprint, "digest": row.digest, **versions}


def _settings(rows: list[Row]) -> pd.DataFrame:
    texts = [settings_of(row) for row in rows]
    names = sorted({name for settings in texts for name in settings})
    return pd.DataFrame({name: _values([settings.get(name) for settings in texts]) for name in names})


def _values(texts: list[str | None]) -> list[Any]:
    """The values of a setting, as they are if one column can hold them, else as JSON texts."""
    decoded = {text: None if text is None else json.loads(text) for text in set(texts)}
    types = {type(value) for value in decoded.values()} - {type(None)}
    one_type = types <= {int, float} or types in ({str}, {bool})
    return [decoded[text] if one_type else text for text in texts]
