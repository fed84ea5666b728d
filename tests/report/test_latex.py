"""LaTeX reads the tables: no error, nothing wider than the text, no character that the font lacks."""

import shutil
import subprocess
from pathlib import Path

import pytest
from report_rows import make_curve

from nerfzip.report.table import Column, Number, Row, Table
from nerfzip.report.table_formats import LINES_OF_A_PAGE, latex
from nerfzip.report.write import ReportSettings, write_report

LABEL = r"100 % & #1 of_{a}~b^c \ <x|y> $z* – — × ± … † [w]"
DOCUMENT = r"""\documentclass{article}
\usepackage{booktabs,graphicx}
\begin{document}
%s
\end{document}
"""


def compile_document(folder: Path, body: str) -> str:
    """The log of pdflatex."""
    if shutil.which("pdflatex") is None:
        pytest.skip("no pdflatex; in Debian it is in texlive-latex-base, booktabs in texlive-latex-recommended")
    (folder / "document.tex").write_text(DOCUMENT % body)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "document.tex"]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace")
    assert result.returncode == 0, result.stdout[-2000:]
    return (folder / "document.log").read_text(errors="replace")


@pytest.mark.latex
def test_every_table_of_a_report_compiles(tmp_path: Path) -> None:
    rows = []
    for seed in (0, 1):
        for scene in ("chair", "ship"):
            rows += make_curve("vqrf/paper", scene, seed=seed, metrics={"ms_ssim": 0.9, "lpips": 0.1})
            rows += make_curve(LABEL, scene, 0.3, 0.5, seed=seed, metrics={"lpips": 0.1}, settings={"bits": 4})
    rows.pop()
    settings = ReportSettings(anchor="vqrf/paper", ablation="low")
    tables = write_report(rows, tmp_path, settings).tables
    assert set(tables) == {"results", "components", "bd", "ablation"}
    assert tables["bd"].notes()
    log = compile_document(tmp_path, "\n".join(rf"\input{{{name}}}" for name in tables))
    assert not [line for line in log.splitlines() if "Overfull" in line or "Missing character" in line]


@pytest.mark.latex
def test_a_long_table_is_several(tmp_path: Path) -> None:
    lines = [Row(["d", f"[{index}]", Number(index, note="odd" if index == 1 else "")]) for index in range(100)]
    text = latex(Table("Long", [Column("data set"), Column("label"), Column("size", "kB")], lines))
    assert text.count(r"\begin{table}") == -(-100 // LINES_OF_A_PAGE)
    assert text.count(r"\caption{Long, d}") == 1
    assert text.count("continued") == 2
    # The note is below the part that has its mark.
    assert text.count(r"$ odd") == 1
    assert text.index(r"$ odd") < text.index("continued")
    log = compile_document(tmp_path, text)
    assert "Float too large" not in log


def test_a_data_set_that_differs_has_its_column() -> None:
    rows = [Row([name, Number(1.0)]) for name in ("a", "b")]
    assert "data set & size" in latex(Table("T", [Column("data set"), Column("size")], rows)).replace(
        r"\shortstack{data \\ set}", "data set"
    )
    assert "data" not in latex(Table("T", [Column("data set"), Column("size")], rows[:1]))
