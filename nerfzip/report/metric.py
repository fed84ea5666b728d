"""The quality metrics that a report knows: how each is named, printed and judged."""

from dataclasses import dataclass, replace

from nerfzip.report.table import Column


@dataclass(frozen=True)
class Metric:
    """`name` is the column of a frame of rows."""

    name: str
    heading: str
    unit: str
    decimals: int
    higher_is_better: bool

    def column(self, before: str = "") -> Column:
        """Of a table; `before` comes before its heading."""
        return Column(before + self.heading, self.unit, self.decimals, 1 if self.higher_is_better else -1)


_MEASURED = (
    Metric("psnr", "PSNR", "dB", 2, True),
    Metric("ssim", "SSIM", "", 4, True),
    Metric("ms_ssim", "MS-SSIM", "", 4, True),
    Metric("lpips", "LPIPS", "", 4, False),
)
_ON_TRAINING_VIEWS = (replace(m, name=f"{m.name}_train", heading=f"{m.heading}, training views") for m in _MEASURED)
METRICS = {metric.name: metric for metric in (*_MEASURED, *_ON_TRAINING_VIEWS)}
