"""Tables by hand: which cell is best, what is marked, what each format looks like."""

import csv
import dataclasses
import io
import math
from math import log, nan

import pandas as pd
import pytest
from report_rows import make_curve, make_row

from nerfzip.benchmark.row import Row as ResultRow
from nerfzip.benchmark.store import frame
from nerfzip.config import job_configs
from nerfzip.errors import ConfigError, NerfzipError
from nerfzip.report.ablation import ablation_table
from nerfzip.report.averages import average_over_scenes
from nerfzip.report.bd_table import bd_table
from nerfzip.report.extent import extent_of
from nerfzip.report.remarks import curve_remarks
from nerfzip.report.results import components_table, results_table
from nerfzip.report.series import name_captures, name_variants, newest_of_each_point
from nerfzip.report.table import Column, Number, Row, Table, places
from nerfzip.report.table_formats import comma_separated, escape_latex, latex, markdown

TABLE = Table(
    "A & B",
    [Column("label"), Column("size", "kB", 1, -1), Column("PSNR", "dB", 2, 1)],
    [
        Row(["a_1", Number(10.04), Number(30.0, 0.25)]),
        Row(["b", Number(9.96), Number(31.0)]),
        Row(["c|d", Number(20.0), Number(99.0, note="why")]),
        Row(["e", Number(nan), Number(29.0)]),
    ],
)


def cell(table: Table, heading: str, *names: str) -> Number:
    """The number in a column of the one row that begins with these names."""
    (row,) = [row for row in table.rows if row.cells[1 : 1 + len(names)] == list(names)]
    (position,) = [index for index, column in enumerate(table.columns) if column.heading == heading]
    number = row.cells[position]
    assert isinstance(number, Number)
    return number


def test_places_are_of_what_is_printed_and_never_of_what_is_marked() -> None:
    # 10.04 and 9.96 are both printed as 10.0, so both are best and 20.0 is second.
    assert places(TABLE) == {(0, 1): 1, (1, 1): 1, (2, 1): 2, (1, 2): 1, (0, 2): 2}


def test_one_value_alone_is_not_best() -> None:
    assert (
        places(Table("", [Column("x", better=1)], [Row([Number(1.0)]), Row([Number(1.0)]), Row([Number(nan)])])) == {}
    )


def test_markdown() -> None:
    assert markdown(TABLE).splitlines() == [
        "## A & B",
        "",
        "| label | size (kB) | PSNR (dB) |",
        "| --- | ---: | ---: |",
        "| a_1 | **10.0** | <u>30.00 ± 0.25</u> |",
        "| b | **10.0** | **31.00** |",
        r"| c\|d | <u>20.0</u> | 99.00 †1 |",
        "| e | – | 29.00 |",
        "",
        "†1 why",
    ]


def test_latex() -> None:
    text = latex(TABLE)
    assert r"\caption{A \& B}" in text
    assert r"\begin{tabular}{lrr}" + "\n" + r"\toprule" in text
    assert r"a\_1 & \textbf{10.0} & \underline{30.00 $\pm$ 0.25} \\" in text
    assert r"c\textbar{}d & \underline{20.0} & 99.00$^{\dagger 1}$ \\" in text
    assert r"e & -- & 29.00 \\" in text
    assert r"\par\footnotesize\raggedright $^{\dagger 1}$ why" in text
    assert r"label & \shortstack{size \\ (kB)} & \shortstack{PSNR \\ (dB)} \\" in text
    assert text.count("{") == text.count("}")


def test_latex_escapes_what_it_reserves() -> None:
    assert escape_latex(r"50 % of a_b & $x^2$ #1 {~\}") == (
        r"50 \% of a\_b \& \$x\textasciicircum{}2\$ \#1 \{\textasciitilde{}\textbackslash{}\}"
    )


def test_csv_has_every_digit() -> None:
    rows = list(csv.DictReader(io.StringIO(comma_separated(TABLE))))
    assert rows[0] == {"label": "a_1", "size (kB)": "10.04", "PSNR (dB)": "30.0", "PSNR deviation": "0.25", "note": ""}
    assert rows[2]["note"] == "why"
    assert rows[3]["size (kB)"] == ""


def test_a_table_without_rows_has_its_headings() -> None:
    # No label has every scene, so there is no average to share out.
    table = components_table(frame([make_row("a", "lego", "low"), make_row("b", "ship", "low")]))
    assert table.rows == []
    assert comma_separated(table).splitlines() == ["data set,label,rate,size (kB),header (%),codes (%)"]


def test_average_is_over_seeds_and_then_over_scenes() -> None:
    values = {("lego", 0): 30.0, ("lego", 1): 32.0, ("ship", 0): 20.0, ("ship", 1): 26.0, ("ship", 2): 29.0}
    lines = [
        {"dataset": "d", "label": "x", "scene": s, "seed": n, "rate": "low", "psnr": v} for (s, n), v in values.items()
    ]
    table = pd.DataFrame(lines)
    averages = average_over_scenes(table, ["dataset", "label"], ["psnr"], extent_of(table))
    assert averages.means.loc[("d", "x"), "psnr"] == (31 + 25) / 2
    # Seed 2 has no lego. Those with both scenes have means of 25 and 29.
    assert averages.deviations.loc[("d", "x"), "psnr"] == pytest.approx(8**0.5)
    assert averages.gaps[("d", "x")] == "without seed 2 on lego"


def test_results_by_hand() -> None:
    rows = [
        make_row("a", "lego", "low", size=1000, psnr=30.0, seed=0),
        make_row("a", "lego", "low", size=3000, psnr=31.0, seed=1),
        make_row("a", "ship", "low", size=5000, psnr=26.0, seed=0),
        make_row("a", "ship", "low", size=5000, psnr=27.0, seed=1),
    ]
    table = results_table(frame(rows))
    assert table.title == "Results, nerf_synthetic: 2 scenes, 2 seeds"
    assert cell(table, "size", "a", "low").value == pytest.approx(3.5)
    psnr = cell(table, "PSNR", "a", "low")
    assert (psnr.value, psnr.deviation) == (28.5, pytest.approx(0.5**0.5))
    memory = cell(table, "peak memory, decode", "a", "low")
    assert (memory.value, memory.deviation) == (pytest.approx(500), 0)
    assert "LPIPS" not in [column.heading for column in table.columns]


def test_a_metric_that_some_rows_lack_has_a_dash() -> None:
    rows = [
        make_row("a", "lego", "low", metrics={"lpips": 0.1}),
        make_row("b", "lego", "low", metrics={"lpips": 0.1}),
        make_row("b", "ship", "low"),
        make_row("a", "ship", "low", metrics={"lpips": 0.3}),
    ]
    table = results_table(frame(rows))
    assert cell(table, "LPIPS", "a", "low").value == pytest.approx(0.2)
    assert str(cell(table, "LPIPS", "b", "low").value) == "nan"


def test_an_average_refuses_a_missing_scene_and_names_it() -> None:
    rows = [*make_curve("a", "lego"), *make_curve("a", "ship"), *make_curve("b", "lego")]
    psnr = cell(results_table(frame(rows)), "PSNR", "b", "low")
    assert str(psnr.value) == "nan"
    assert psnr.note == "b at low: no average over scenes without ship"
    table = bd_table(frame(rows), "a", "psnr")
    assert cell(table, "BD-rate", "b", "lego").value == pytest.approx(0, abs=1e-9)
    average = cell(table, "BD-rate", "b", "average")
    assert str(average.value) == "nan"
    assert average.note == "average of b: no average over scenes without ship"


def test_bd_table_averages_the_bd_rates_of_scenes_and_deviates_over_seeds() -> None:
    rows = []
    for seed, (lego, ship) in enumerate([(0.5, 0.9), (0.7, 0.9)]):
        rows += make_curve("a", "lego", seed=seed) + make_curve("a", "ship", seed=seed)
        rows += make_curve("b", "lego", lego, seed=seed) + make_curve("b", "ship", ship, seed=seed)
    table = bd_table(frame(rows), "a", "psnr")
    lego, average = (cell(table, "BD-rate", "b", scene) for scene in ("lego", "average"))
    assert (lego.value, lego.deviation) == (pytest.approx(-40, abs=1e-6), pytest.approx(200**0.5))
    # -30 and -20 over the two seeds.
    assert (average.value, average.deviation) == (pytest.approx(-25, abs=1e-6), pytest.approx(50**0.5))
    # Of the sizes at seed 0: from 20 to 150 of 10 to 300 kB.
    assert cell(table, "overlap", "b", "lego").value == pytest.approx(100 * log(150 / 20) / log(300 / 10))
    assert not table.notes()


def test_bd_against_an_anchor_with_one_seed() -> None:
    rows = make_curve("a", "lego", seed=3) + make_curve("b", "lego", 0.8, seed=0) + make_curve("b", "lego", 0.8, seed=1)
    assert cell(bd_table(frame(rows), "a", "psnr"), "BD-rate", "b", "lego").value == pytest.approx(-20, abs=1e-6)


def test_what_is_not_ok_is_marked_in_the_scene_and_in_the_average() -> None:
    rows = make_curve("a", "lego") + make_curve("b", "lego", 0.5)[:3] + make_curve("c", "lego", 0.9)
    rows += make_curve("d", "lego", 0.95) + [row for label in "abcd" for row in make_curve(label, "ship")]
    table = bd_table(frame(rows), "a", "psnr")
    assert cell(table, "BD-rate", "b", "lego").note == "b on lego: 3 points, fewer than 4, b lacks high"
    assert cell(table, "BD-rate", "b", "average").note == "average of b: not ok on lego"
    text = markdown(table)
    assert "**-50.0" not in text
    assert "**-10.0**" in text


def test_what_was_dropped_is_named_by_seed_and_curve() -> None:
    rows = [row for seed in range(2) for row in make_curve("a", "lego", seed=seed) + make_curve("b", "lego", seed=seed)]
    # At seed 0 the anchor's two largest and the largest of b are worse than what is smaller; at seed 1 only b's.
    worse = [index for index, row in enumerate(rows) if row.rate == "high" and (row.label, row.seed) != ("a", 1)]
    worse += [index for index, row in enumerate(rows) if (row.rate, row.label, row.seed) == ("medium", "a", 0)]
    for index in worse:
        rows[index] = dataclasses.replace(rows[index], metrics={"psnr": 20.0, "ssim": 0.9})
    table = bd_table(frame(rows), "a", "psnr")
    assert [row.cells[2] for row in table.rows] == ["lego"]
    assert cell(table, "BD-rate", "b", "lego").note == (
        "b on lego: seed 0: dropped high (b), medium and high (anchor), 2 points left; "
        "seed 1: dropped high (b), 3 points left"
    )


def test_what_is_wrong_is_said_of_the_seed() -> None:
    rows = [row for seed in range(3) for row in make_curve("a", "lego", seed=seed) + make_curve("b", "lego", seed=seed)]
    del rows[-1]
    note = cell(bd_table(frame(rows), "a", "psnr"), "BD-rate", "b", "lego").note
    assert note == "b on lego: seed 2: 3 points, fewer than 4, b lacks high"


@pytest.mark.parametrize("metric", ["ssim", "ms_ssim", "lpips"])
def test_bd_on_other_metrics(metric: str) -> None:
    values = [0.1, 0.2, 0.3, 0.4] if metric != "lpips" else [0.4, 0.3, 0.2, 0.1]
    rows: list[ResultRow] = []
    for label, shift in (("a", 0.0), ("b", 0.05)):
        for (rate, value), size in zip(zip("wxyz", values, strict=True), (1e4, 2e4, 4e4, 8e4), strict=True):
            rows.append(make_row(label, "lego", rate, size=int(size), metrics={metric: value + shift}))
    table = bd_table(frame(rows), "a", metric)
    heading = {"ssim": "BD-SSIM", "ms_ssim": "BD-MS-SSIM", "lpips": "BD-LPIPS"}[metric]
    assert cell(table, heading, "b", "lego").value == pytest.approx(0.05)
    assert (cell(table, "BD-rate", "b", "lego").value < 0) == (metric != "lpips")


def test_unknown_anchor_offers_the_nearest() -> None:
    table = frame(make_curve("vqrf/paper", "lego") + make_curve("dvgo", "lego"))
    with pytest.raises(ConfigError, match=r"unknown anchor 'vqrf/papper'; did you mean vqrf/paper\?"):
        bd_table(table, "vqrf/papper", "psnr")
    with pytest.raises(ConfigError, match="unknown metric 'lpips'; there are: psnr, ssim"):
        bd_table(table, "dvgo", "lpips")
    with pytest.raises(NerfzipError, match="nothing to compare"):
        bd_table(frame(make_curve("a", "lego")), "a", "psnr")


def test_times_and_memory_are_never_best() -> None:
    rows = [
        make_row(
            label, "lego", "low", size=100 * factor, seconds={"fit": float(factor)}, peak_memory={"encode": factor}
        )
        for label, factor in (("a", 1), ("b", 2))
    ]
    table = results_table(frame(rows))
    assert {table.columns[position].heading for _, position in places(table)} == {"size"}


def test_components_by_hand() -> None:
    rows = [
        make_row("a", "lego", "low", size=100, bytes_by_component={"header": 10, "codes": 90}),
        make_row("a", "ship", "low", size=300, bytes_by_component={"header": 10, "codes": 290}),
        make_row("b", "lego", "low", size=50, bytes_by_component={"header": 10, "masks": 40}),
        make_row("b", "ship", "low", size=50, bytes_by_component={"header": 10, "masks": 40}),
    ]
    table = components_table(frame(rows))
    assert cell(table, "header", "a", "low").value == pytest.approx(5)
    assert cell(table, "codes", "a", "low").value == pytest.approx(95)
    assert str(cell(table, "masks", "a", "low").value) == "nan"
    assert cell(table, "masks", "b", "low").value == pytest.approx(80)


def test_rows_of_one_label_that_differ_are_two_series() -> None:
    rows = [make_row("a", "lego", "low", settings={"base": {"steps": n}, "bits": 8}) for n in (10, 20)]
    rows.append(make_row("a", "lego", "high", settings={"base": {"steps": 10}, "bits": 9}))
    rows.append(make_row("b", "lego", "low"))
    labels = [row.label for row in name_variants(rows)]
    assert labels == ["a (base.steps=10)", "a (base.steps=20)", "a (base.steps=10)", "b"]


def test_settings_that_differ_between_scenes_or_seeds_are_two_series() -> None:
    by_scene = make_curve("a", "lego", settings={"bits": 4}) + make_curve("a", "ship", settings={"bits": 8})
    by_seed = [*make_curve("a", "lego", settings={"bits": 4}), *make_curve("a", "lego", seed=1, settings={"bits": 8})]
    for rows in (by_scene, by_seed):
        assert [row.label for row in name_variants(rows)] == ["a (bits=4)"] * 4 + ["a (bits=8)"] * 4


def test_a_setting_that_is_the_seed_makes_no_series() -> None:
    rows = [make_row("a", "lego", "low", seed=seed, settings={"base": {"seed": seed}}) for seed in (0, 1)]
    assert {row.label for row in name_variants(rows)} == {"a"}
    rows.append(make_row("a", "lego", "low", seed=2, settings={"base": {"seed": 0}}))
    assert len({row.label for row in name_variants(rows)}) == 2


def test_from_rate_to_rate_only_the_ladder_may_differ() -> None:
    job = {rate: job_configs(["method=vqrf", "dataset=procedural", f"rate={rate}"])[0] for rate in ("tiny", "low")}
    config = {rate: {"method_settings": each.method_settings, "dataset_settings": {}} for rate, each in job.items()}
    rows = [make_row("a", "lego", rate, method="vqrf", config=config[rate]) for rate in job]
    assert {row.label for row in name_variants(rows)} == {"a"}
    config["low"]["method_settings"] = config["low"]["method_settings"] | {"coder": "static"}
    rows = [make_row("a", "lego", rate, method="vqrf", config=config[rate]) for rate in job]
    assert [row.label for row in name_variants(rows)] == ["a (coder=context)", "a (coder=static)"]


def test_methods_of_one_label_are_two_series() -> None:
    rows = [make_row("a", "lego", "low", method="one"), make_row("a", "lego", "high", method="two")]
    assert [row.label for row in name_variants(rows)] == ["a (method=one)", "a (method=two)"]


def test_fits_of_two_devices_and_by_two_kinds_of_kernels_are_series_of_their_own() -> None:
    settings = make_row("a", "lego", "low").config
    by_nerfacc = {"config": settings | {"kernels": "nerfacc"}, "device": "cuda: GPU"}
    rows = [
        make_row("a", "lego", "low", device="cpu: one"),
        make_row("a", "lego", "low", device="cuda: GPU"),
        make_row("a", "lego", "low", **by_nerfacc),
    ]
    assert newest_of_each_point(rows) == rows
    assert [row.label for row in name_variants(rows)] == [
        "a (device=cpu, kernels=ours)",
        "a (device=cuda, kernels=ours)",
        "a (device=cuda, kernels=nerfacc)",
    ]
    two_processors = [make_row("a", "lego", rate, device=f"cpu: {rate}") for rate in ("low", "high")]
    assert [row.label for row in name_variants(two_processors)] == ["a", "a"]


def test_captures_of_one_name_are_two_scenes() -> None:
    def config(**dataset: object) -> dict[str, object]:
        return {"method_settings": {}, "dataset_settings": {"root": "/captures", "scene": "lego", **dataset}}

    full, small = ({"config": config(downscale=size), "fingerprint": f"{size}" * 64} for size in (1, 4))
    rows = make_curve("a", "lego", **full) + make_curve("b", "lego", 0.5, **small)
    named = name_variants(name_captures(newest_of_each_point(rows)))
    assert {(row.label, row.scene) for row in named} == {("a", "lego (downscale=1)"), ("b", "lego (downscale=4)")}
    assert all(math.isnan(each.cells[3].value) for each in bd_table(frame(named), "a", "psnr").rows)  # type: ignore[union-attr]
    moved = [make_row("a", "lego", "low", config=config(root=f"/{x}"), fingerprint=x * 64) for x in ("c", "d")]
    assert newest_of_each_point(moved) == moved
    assert [row.scene for row in name_captures(moved)] == ["lego (capture=cccccccc)", "lego (capture=dddddddd)"]
    same = [make_row("a", "lego", "low", seed=n, config=config(root=f"/{n}")) for n in (0, 1)]
    assert name_captures(same) == same


def test_a_curve_of_several_versions_is_remarked() -> None:
    rows = [
        make_row("a", "lego", "low", code_version="one", libraries={"torch": "2.11", "numpy": "2"}),
        make_row("a", "lego", "high", code_version="two", libraries={"torch": "2.15", "numpy": "2"}),
        make_row("b", "lego", "low"),
    ]
    assert list(curve_remarks(rows, rows)) == [
        "curves of rows by several versions of the code: a",
        "curves of rows by several versions of a library: a (torch 2.11, 2.15)",
    ]


def test_points_that_were_made_again_count_once() -> None:
    old = make_row("a", "lego", "low", psnr=1.0, date="2026-01-01")
    new = make_row("a", "lego", "low", psnr=2.0, date="2026-01-02")
    assert newest_of_each_point([new, old]) == [new]


def test_a_missing_seed_is_noted_and_never_best() -> None:
    rows = [make_row("a", scene, "low", psnr=30.0 + seed, seed=seed) for seed in range(3) for scene in ("lego", "ship")]
    rows += [make_row("b", scene, "low", psnr=32.0, seed=2, settings={"bits": 4}) for scene in ("lego", "ship")]
    results = results_table(frame(rows))
    psnr = cell(results, "PSNR", "b", "low")
    assert (psnr.value, psnr.note) == (32, "b at low: without seeds 0, 1")
    assert not cell(results, "PSNR", "a", "low").note
    assert "**" not in markdown(results)
    ablation = ablation_table(rows, frame(rows), "a", "low")
    # At seed 2 both have 32 dB, whatever the reference has at other seeds.
    delta = cell(ablation, "Δ PSNR", "bits=4")
    assert (delta.value, delta.note) == (0, "bits=4: without seeds 0, 1")


def test_a_missing_seed_is_noted_in_differences() -> None:
    rows = [row for seed in range(2) for row in make_curve("a", "lego", seed=seed)] + make_curve("b", "lego", 0.5)
    rows += [row for seed in range(2) for row in make_curve("c", "lego", 0.9, seed=seed)]
    table = bd_table(frame(rows), "a", "psnr")
    assert cell(table, "BD-rate", "b", "lego").note == "b on lego: without seed 1"
    assert not cell(table, "BD-rate", "c", "lego").note


def test_a_rate_that_a_scene_lacks_is_noted_in_differences() -> None:
    rates = [f"r{n}" for n in range(6)]
    curves = [("a", scene, rate, n) for scene in ("lego", "ship") for n, rate in enumerate(rates)]
    curves += [("b", scene, rate, n) for _, scene, rate, n in curves if (scene, rate) != ("ship", "r5")]
    rows = [make_row(label, scene, rate, size=10_000 * 2**n, psnr=28.0 + n) for label, scene, rate, n in curves]
    table = bd_table(frame(rows), "a", "psnr")
    assert cell(table, "BD-rate", "b", "ship").note == "b on ship: b lacks r5"
    assert not cell(table, "BD-rate", "b", "lego").note
    # As the anchor too.
    assert cell(bd_table(frame(rows), "b", "psnr"), "BD-rate", "a", "ship").note == "a on ship: b lacks r5"


def test_ablation_by_hand() -> None:
    rows = [
        make_row("a", "lego", "low", size=1000, psnr=30.0, settings={"bits": 8, "prune": True}),
        make_row("bits", "lego", "low", size=500, psnr=28.0, settings={"bits": 4, "prune": True}),
        make_row("prune", "lego", "low", size=2000, psnr=30.5, settings={"bits": 8, "prune": False}),
        make_row("both", "lego", "low", size=9000, psnr=31.0, settings={"bits": 4, "prune": False}),
    ]
    table = ablation_table(rows, frame(rows), "a", "low")
    assert [row.cells[1] for row in table.rows] == ["(reference)", "bits=4", "prune=false"]
    assert cell(table, "Δ size", "bits=4").value == pytest.approx(-50)
    assert cell(table, "Δ PSNR", "prune=false").value == pytest.approx(0.5)
    assert {row for row, _ in places(table)} == {1, 2}
    assert places(ablation_table(rows[:2], frame(rows[:2]), "a", "low")) == {}
    with pytest.raises(ConfigError, match="unknown rate of a 'lwo'"):
        ablation_table(rows, frame(rows), "a", "lwo")
    with pytest.raises(NerfzipError, match="no row differs"):
        ablation_table(rows[::3], frame(rows[::3]), "a", "low")
