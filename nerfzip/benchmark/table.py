"""Results as a table on the terminal."""

from rich import box
from rich.table import Table

from nerfzip.benchmark.row import Row

_SECONDS = ("fit\ns", "compress\ns", "decode\ns", "a view\ns")
_METRICS = {"psnr": ("PSNR\ndB", ".2f"), "ssim": ("SSIM", ".4f"), "lpips": ("LPIPS", ".4f")}
"""Heading and format; a metric that no row has gets no column."""


def results_table(rows: list[Row]) -> Table:
    """One line a row. The ratio is to the fitted model's own size, where its method says it."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    if any(row.fit_from_cache for row in rows):
        table.caption = "* from the cache"
    metrics = [name for name in _METRICS if any(name in row.metrics for row in rows)]
    headings = ("method", "scene", "rate", *(_METRICS[name][0] for name in metrics), "bytes", "ratio", *_SECONDS)
    for column, heading in enumerate(headings):
        table.add_column(heading, justify="left" if column < 3 else "right", overflow="fold")
    for row in sorted(rows, key=lambda row: (row.scene, row.method, row.bytes)):
        table.add_row(*_cells(row, metrics))
    return table


def _cells(row: Row, metrics: list[str]) -> list[str]:
    ratio = "–" if row.uncompressed_bytes is None else f"{row.uncompressed_bytes / row.bytes:.1f}×"
    return [
        row.method,
        row.scene,
        row.rate,
        # Images smaller than its window have no SSIM.
        *(format(row.metrics[name], _METRICS[name][1]) if name in row.metrics else "–" for name in metrics),
        f"{row.bytes:,}",
        ratio,
        f"{row.seconds['fit']:.1f}" + ("*" if row.fit_from_cache else ""),
        f"{row.seconds['compress']:.1f}",
        f"{row.seconds['decompress']:.2f}",
        f"{row.seconds['render']:.2f}",
    ]
