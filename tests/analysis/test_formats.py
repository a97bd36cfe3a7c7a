"""Tables in the markups of papers: bold, notes, wide ones; and whole documents that compile."""

import csv
import io
import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from markdown_it import MarkdownIt
from report_rows import floor_rows, small_study, table

from mae_bench.analysis.document import report_text
from mae_bench.analysis.formats import to_csv, to_html, to_latex, to_markdown
from mae_bench.analysis.report import ReportContext
from mae_bench.analysis.tables import Table
from mae_bench.errors import SpecError
from mae_bench.results import frame
from mae_bench.specs import Claim

NASTY = "50% of a_b & <i>$x$</i> | \\end{table} #1"
SCORES = Table(
    "scores-one",
    f"Scores of {NASTY}.",
    pd.DataFrame(
        {"arm": ["floor", NASTY], "sst2 (accuracy)": ["50.0 ± 0.0", "61.2 ± 1.0 (n=5) †1"]}
    ),
    notes=("Bold: best.", NASTY),
    bold=frozenset({(1, 1)}),
    rule_after=1,
    is_of_scores=True,
)


def study():
    claim = Claim(sentence=NASTY, treatment="mae_1", control="mlm")
    return small_study(arms=("mlm", "mae_1"), claims=(claim,), name="a_study")


def rows():
    base = np.array([0.50, 0.55, 0.52, 0.51, 0.54, 0.53])
    values = {"mlm": base, "mae_1": [*(base + 0.1)[:5], None]}
    return pd.concat([frame(floor_rows([0.4] * 6)), table(values, pretrain_flops=1e12)])


def test_latex_has_bold_numbers_rules_and_notes():
    text = to_latex(SCORES)
    lines = text.splitlines()
    assert r"\textbf{61.2} $\pm$ 1.0 (n=5) \dag{}1 \\" in text
    assert lines.count(r"\midrule") == 2 and r"\toprule" in lines and r"\bottomrule" in lines
    assert r"arm & sst2 \\" in lines and r" & accuracy \\" in lines
    assert r"{\footnotesize Bold: best. 50\% of a\_b" in text


def test_a_wide_table_of_scores_is_turned_and_one_of_text_is_shrunk():
    tasks = {f"task {n} (accuracy)": ["50.0 ± 1.0", "60.0 ± 1.0"] for n in range(20)}
    wide = pd.DataFrame({"arm": ["mlm", "mae"], **tasks})
    scores = Table("s", "c", wide, bold=frozenset({(1, 3)}), is_of_scores=True)
    text = to_latex(scores)
    assert r"arm & mlm & mae \\" in text
    assert r"task 2 (accuracy) & 50.0 $\pm$ 1.0 & \textbf{60.0} $\pm$ 1.0 \\" in text
    assert "resizebox" not in text
    assert "resizebox" in to_latex(Table("s", "c", wide))


def test_markdown_and_html_have_the_same_cells():
    tokens = MarkdownIt("commonmark").enable("table").parse(to_markdown(SCORES))
    inline = [token for token in tokens if token.type == "inline"]
    texts = ["".join(t.content for t in token.children) for token in inline]
    assert texts[1:7] == [
        "arm", "sst2 (accuracy)", "floor", "50.0 ± 0.0", NASTY, "61.2 ± 1.0 (n=5) †1",
    ]  # fmt: skip
    assert texts[-1] == f"Bold: best. {NASTY}"
    assert [t.type for t in inline[6].children if t.nesting] == ["strong_open", "strong_close"]
    html = to_html(SCORES)
    assert "<strong>61.2</strong> ± 1.0" in html
    assert "<i>" not in html and "&lt;i&gt;" in html


def test_csv_has_the_text_as_it_stands():
    assert list(csv.reader(io.StringIO(to_csv(SCORES))))[2] == [NASTY, "61.2 ± 1.0 (n=5) †1"]


def test_a_report_as_numbers():
    text = report_text(rows(), study(), "csv", ReportContext())
    numbers = pd.read_csv(io.StringIO(text)).set_index("arm")
    assert numbers.loc["mlm", "mean"] == pytest.approx(0.525)
    assert numbers.loc["mae_1", "num_failed"] == 1
    assert set(numbers["study"]) == {"a_study"}


def test_a_report_in_markdown_says_all_and_tables_alone_say_less():
    whole = report_text(rows(), study(), "md", ReportContext(notes=("A note.",)))
    headings = re.findall(r"^#+ (.*)$", whole, re.MULTILINE)
    assert headings == [
        "a_study", "Claims of the study", "Scores", "Costs", "Failures and collapses",
    ]  # fmt: skip
    assert "A note." in whole and "DivergedError" in whole
    alone = report_text(rows(), study(), "md", ReportContext(), has_words=False)
    assert alone in whole and "#" not in alone


def test_a_report_as_text_says_which_claims_are_post_hoc():
    context = ReportContext(written=("post hoc",))
    for form in ("md", "latex"):
        text = report_text(rows(), study(), form, context)
        assert "not run (post hoc)" in text or "not decidable (post hoc)" in text
        assert "Post hoc: 1 of 1 claims was added or changed" in text and "(1 post hoc)" in text


def test_an_unknown_format_is_refused():
    with pytest.raises(SpecError, match="html, md, latex or csv, got 'pdf'"):
        report_text(rows(), study(), "pdf", ReportContext())


@pytest.mark.slow
def test_latex_compiles(tmp_path):
    compiler = shutil.which("pdflatex") or shutil.which("tectonic")
    if compiler is None:
        pytest.skip("neither pdflatex (Debian: texlive-latex-recommended) nor tectonic is here")
    text = report_text(rows(), study(), "latex", ReportContext())
    text = text.replace(r"\end{document}", to_latex(SCORES) + r"\end{document}")
    (tmp_path / "report.tex").write_text(text, "utf-8")
    modes = ["-interaction=nonstopmode", "-halt-on-error"] if "pdflatex" in compiler else []
    done = subprocess.run(
        [compiler, *modes, "report.tex"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "report.pdf").stat().st_size > 5_000
    assert "Overfull" not in done.stdout
