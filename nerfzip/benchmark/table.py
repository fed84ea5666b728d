"""Results as a table on the terminal."""

from rich import box
from rich.table import Table

from nerfzip.benchmark.row import Row

_SECONDS = ("fit\ns", "compress\ns", "decode\ns", "a view\ns")
_HEADINGS = ("method", "scene", "rate", "PSNR\ndB", "SSIM", "bytes", "ratio", *_SECONDS)


def results_table(rows: list[Row]) -> Table:
    """One line a row. The ratio is to the fitted model's own size, where its method says it."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    if any(row.fit_from_cache for row in rows):
        table.caption = "* from the cache"
    for column, heading in enumerate(_HEADINGS):
        table.add_column(heading, justify="left" if column < 3 else "right", overflow="fold")
    for row in sorted(rows, key=lambda row: (row.scene, row.method, row.bytes)):
        table.add_row(*_cells(row))
    return table


def _cells(row: Row) -> list[str]:
    ratio = "–" if row.uncompressed_bytes is None else f"{row.uncompressed_bytes / row.bytes:.1f}×"
    return [
        row.method,
        row.scene,
        row.rate,
        f"{row.metrics['psnr']:.2f}",
        # Images smaller than its window have no SSIM.
        f"{row.metrics['ssim']:.4f}" if "ssim" in row.metrics else "–",
        f"{row.bytes:,}",
        ratio,
        f"{row.seconds['fit']:.1f}" + ("*" if row.fit_from_cache else ""),
        f"{row.seconds['compress']:.1f}",
        f"{row.seconds['decompress']:.2f}",
        f"{row.seconds['render']:.2f}",
    ]
