"""`nerfzip report`: stored rows to tables and figures."""

import gc
from argparse import Namespace

from nerfzip.benchmark import store
from nerfzip.errors import ConfigError, NerfzipError
from nerfzip.files import write_atomically
from nerfzip.report.incomplete import incomplete
from nerfzip.report.parquet import parquet
from nerfzip.report.terminal import print_tables
from nerfzip.report.workers import workers
from nerfzip.report.write import ReportSettings, write_report

MAIN_TABLES: tuple[str, ...] = ("results", "bd", "bd_train", "differences", "ablation")


def main(arguments: Namespace) -> int:
    if arguments.ablation and not arguments.anchor:
        raise ConfigError("--ablation: expected --anchor too, the label that the rate belongs to")
    if arguments.with_papers and not arguments.anchor:
        raise ConfigError("--with-papers: expected --anchor too, a label or a curve of a paper")
    settings = ReportSettings(
        anchor=arguments.anchor,
        metric=arguments.metric,
        interpolation=arguments.interpolation,
        ablation=arguments.ablation,
        with_papers=arguments.with_papers,
        every_scene=arguments.every_scene,
    )
    with workers(differences=arguments.anchor is not None) as pool:
        rows = store.rows_by_folder(arguments.folder, with_images=False)
        if not rows:
            raise NerfzipError(
                f"{arguments.folder}: no point of it is complete; `nerfzip status` says how far they are"
            )
        if arguments.metric == "lpips" and not any(row.metrics.get("lpips") is not None for row in rows.values()):
            # With torch, which takes longer to import than all else.
            from nerfzip.metrics import lpips_missing_in_rows

            raise NerfzipError(lpips_missing_in_rows())
        # Thousands of rows are millions of objects, none of which is garbage before the end.
        gc.freeze()
        if arguments.parquet:
            write_atomically(arguments.parquet, parquet(list(rows.values())))
        report = write_report(
            list(rows.values()), arguments.out, settings, list(rows), incomplete(arguments.folder, rows), pool
        )
    shown = {name: report.tables[name] for name in MAIN_TABLES if name in report.tables}
    print_tables(shown, arguments.out)
    for remark in report.remarks:
        print(remark)
    print(f"{arguments.out}: {len(report.files)} files: {', '.join(dict.fromkeys(f.stem for f in report.files))}")
    if arguments.parquet:
        print(f"{arguments.parquet}: {len(rows)} rows")
    return 0
