"""`nerfzip run`: jobs, one for each rate, and a table of their results."""

import logging
from argparse import Namespace

from nerfzip.benchmark.fit_cache import each_fit_once
from nerfzip.benchmark.job import point_folder, run_job
from nerfzip.benchmark.point_files import FAILURE
from nerfzip.benchmark.row import Row
from nerfzip.benchmark.store import State, stored_point
from nerfzip.benchmark.table import results_table
from nerfzip.config import build, job_configs
from nerfzip.console import table_console
from nerfzip.devices import check_present
from nerfzip.errors import NerfzipError
from nerfzip.method import check_capture
from nerfzip.metrics import lpips_note

_log = logging.getLogger(__name__)


@each_fit_once()
def main(arguments: Namespace) -> int:
    configs = job_configs(arguments.overrides)
    methods = [
        build(config.method_settings) for config in configs
    ]  # An impossible setting is found before the first fit.
    scene = build(configs[0].dataset_settings)
    for config, method in zip(configs, methods, strict=True):
        check_capture(method, config.method, scene)
        # So is a row of a later version, which is refused.
        if stored_point(point_folder(config, scene)).state != State.DONE:
            check_present(config.device, config.kernels)
    rows: list[Row] = []
    for config in configs:
        try:
            rows.append(run_job(config, scene))
        except Exception as error:
            failure = point_folder(config, scene) / FAILURE
            reason = str(error) if isinstance(error, NerfzipError) else repr(error)
            where = f"; see {failure}" if failure.exists() else ""
            _log.error("%s at rate %s failed: %s%s", config.method, config.rate, reason, where)
    if rows:
        table_console().print(results_table(rows))
        if note := lpips_note():
            _log.info(note)
    return 0 if len(rows) == len(configs) else 1
