"""Text of users in reports stands as it was written, whatever its signs mean elsewhere."""

import html.parser
import re
import warnings
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from matplotlib.text import Text
from report_rows import floor_rows, row, table

from mae_bench.analysis.claims import judge_comparisons
from mae_bench.analysis.curve_plots import size_picture
from mae_bench.analysis.markup import latex, markdown, one_line
from mae_bench.analysis.pretraining_plots import cost_picture
from mae_bench.analysis.report import ReportContext, write_report
from mae_bench.analysis.rows import read_scores
from mae_bench.analysis.score_plots import difference_picture, score_picture
from mae_bench.analysis.tables import Table
from mae_bench.results import frame
from mae_bench.specs import ArmSpec, Claim, Study

NASTY = (
    "enc_$b_$c",
    "cost $6 and $7",
    r"mae |50%| \alpha^2",
    "_under_ __both__ and *stars* `code`",
    "<b>bold</b> &amp; <!-- gone --> & #1",
    "~~struck~~ ~a~ [link](x) ![i](y) [r]: z",
    "{{ jinja }} {% raw %} \\end{table} \\\\ \\",
    "[0.5] first",
    "* star first",
    "line\nbreak\ttab\r\nend",
    r"$\frac{",
    "\x07bell",
)
SIGNS = st.text(st.sampled_from("$|\\~^<>&%#_{}[]()`*!-+:;\n\t \"'ab1é"), max_size=12)
PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def text_of(tokens):
    """Return the text of inline tokens; markup of any kind is an error."""
    for token in tokens:
        assert token.type in ("text", "text_special"), token
    return "".join(token.content for token in tokens)


@settings(deadline=None, max_examples=60)
@given(SIGNS, SIGNS)
@example(*NASTY[:2])
@example(*NASTY[2:4])
@example(*NASTY[4:6])
@example(*NASTY[6:8])
def test_a_table_of_markdown_has_every_cell_as_it_was(tmp_path_factory, one, two):
    folder = tmp_path_factory.getbasetemp() / "markdown"
    Table("t", f"Of {one}.", pd.DataFrame({"arm": [one, "x"], f"of {two}": [two, "y"]})).save(
        folder
    )
    text = (folder / "t.md").read_text("utf-8")
    inline = [token for token in PARSER.parse(text) if token.type == "inline"]
    cells = [text_of(token.children) for token in inline]
    wanted = [f"Of {one}.", "arm", f"of {two}", one, two, "x", "y"]
    assert cells == [one_line(cell) for cell in wanted]


ESCAPED = re.compile(
    r"\\(?:text\w+\{\}|dag\{\}|[&%$#_{}])|\$(?:\\pm|-|\\times|\\geq|\\cdot)\$|^\{[\[*]\}"
)


@settings(deadline=None, max_examples=150)
@given(SIGNS)
def test_latex_holds_no_raw_sign(text):
    assert not set(ESCAPED.sub("", latex(text))) & set("\\$&%#_{}~^|<>`\n")
    assert not latex(text).startswith(("[", "*"))


@pytest.mark.parametrize(
    ("text", "in_latex", "in_markdown"),
    [
        ("a_b", r"a\_b", "a_b"),
        ("p < .05", r"p \textless{} .05", "p < .05"),
        ("[+1.0, +2.0]", "{[}+1.0, +2.0]", "[+1.0, +2.0]"),
        ("50 ± 2 %", r"50 $\pm$ 2 \%", "50 ± 2 %"),
        (r"\alpha^2", r"\textbackslash{}alpha\textasciicircum{}2", r"\\alpha^2"),
        ("a|b", r"a\textbar{}b", r"a\|b"),
    ],
)
def test_what_needs_no_escape_is_left(text, in_latex, in_markdown):
    assert latex(text) == in_latex
    assert markdown(text) == in_markdown


def nasty_rows(labels):
    generator = np.random.default_rng(0)
    cost = {"pretrain_flops": 1e12, "pretrain_s": 9.0}
    parts = [frame(floor_rows([0.6] * 6))]
    for size in (200, 2000):
        values = {label: 0.6 + generator.normal(0, 0.02, 6) for label in labels}
        rows = table(values, train_size=str(size), n_train=size, **cost)
        parts.append(rows.assign(objective="mae", task="sst2"))
    return pd.concat([parts[0].assign(train_size="200", n_train=200), *parts[1:]])


def nasty_study(labels, **changes):
    arms = tuple(ArmSpec(objective="mae", label=label) for label in labels)
    return Study(
        name="nasty", objectives=arms, tasks=("sst2",), control=labels[0],
        train_sizes=(200, 2000), **changes,
    )  # fmt: skip


def shown(figure):
    figure.draw_without_rendering()
    return {" ".join(t.get_text().split()) for t in figure.findobj(Text) if t.get_text().strip()}


@settings(deadline=None, max_examples=2)
@given(st.lists(SIGNS.filter(str.strip), min_size=2, max_size=3, unique=True))
@example(list(NASTY[:6]))
def test_figures_draw_labels_as_they_stand(labels):
    study, rows = nasty_study(labels), nasty_rows(labels)
    scores = read_scores(rows, study)
    verdicts = judge_comparisons(study, scores, labels[0], [scores.reference])
    pictures = {
        "scores": score_picture(scores, scores.reference),
        "differences": difference_picture(scores, verdicts, labels[0], scores.reference),
        "sizes": size_picture(scores, scores.reference),
        "costs": cost_picture(scores, rows, scores.reference),
    }
    for name, picture in pictures.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of tabs, for which the font has no glyph
            figure = picture._drawn(is_wide=True)
            drawn_texts = shown(figure)
        assert not any("mathdefault" in text for text in drawn_texts)
        assert not any(text.get_parse_math() for text in figure.findobj(Text) if text.get_text())
        arms = labels[1:] if name == "differences" else labels
        assert {squeezed(label) for label in arms} <= {squeezed(text) for text in drawn_texts}, name


def squeezed(text):
    """Return the text without blanks: a long label is broken over lines."""
    return "".join(text.split())


class Reading(html.parser.HTMLParser):
    """Collects the text of a page."""

    def __init__(self):
        super().__init__()
        self.texts = []

    def handle_data(self, data):
        self.texts.append(one_line(data))


def test_a_report_with_such_text_builds(tmp_path):
    labels = NASTY[::2]
    claims = (Claim(sentence=" and ".join(labels), treatment=labels[1], control=labels[0]),)
    study = nasty_study(labels, claims=claims, description=" ".join(labels))
    broken = row(labels[2], None, 0, objective="mae", train_size="200", failure=" | ".join(labels))
    rows = nasty_rows(labels)
    rows = rows[(rows["arm"] != labels[2]) | (rows["seed"] != 0) | (rows["train_size"] != "200")]
    rows = pd.concat([rows, frame([broken])])
    context = ReportContext(
        provenance={"command": labels[0]},
        notes=labels,
        tuning=[{"arm": label, "chosen": label} for label in labels],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        page = write_report(rows, study, tmp_path / "report", context=context)
    reader = Reading()
    reader.feed(page.read_text("utf-8"))
    for label in (*labels, claims[0].sentence, broken["failure"]):
        assert one_line(label) in reader.texts
    for path in (page.parent / "figures").glob("*.svg"):
        ET.parse(path)
    for path in (page.parent / "tables").glob("*.md"):
        bars = [
            len(re.findall(r"(?<!\\)\|", line))
            for line in path.read_text("utf-8").splitlines()
            if line.startswith("|")
        ]
        assert len(set(bars)) == 1, path.name
    for path in (page.parent / "tables").glob("*.tex"):
        text = path.read_text("utf-8")
        (caption,) = re.findall(r"\\caption\{(.*)\}", text)
        assert not set(ESCAPED.sub("", caption)) & set("\\$&%#_{}~^|<>`"), path.name
        assert text.count("\\begin{") == text.count("\\end{") == 2
    names = [str(p.relative_to(page.parent)) for p in page.parent.rglob("*")]
    assert all(re.fullmatch(r"[\w./-]+", name) for name in names), names
