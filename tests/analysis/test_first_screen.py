"""The first screen: who leads at each protocol, what to know before, and why nothing is decided."""

import numpy as np
import pandas as pd
import pytest
from report_rows import floor_rows, small_study, table

from mae_bench.analysis.cautions import cautions
from mae_bench.analysis.claims import judge_claims, judge_comparisons
from mae_bench.analysis.headline import headline
from mae_bench.analysis.leads import compared_settings, leads, legend
from mae_bench.analysis.messages import speaking
from mae_bench.analysis.pairwise import decide_all
from mae_bench.analysis.report import write_report
from mae_bench.analysis.rows import read_scores
from mae_bench.analysis.trained import trained_sentence
from mae_bench.planning.packaged import packaged, packaged_name
from mae_bench.results import frame
from mae_bench.specs import BackboneSpec, Claim, CorpusSpec

BASE = np.array([0.50, 0.55, 0.52, 0.51, 0.54, 0.53])
GAIN = np.array([0.05, 0.051, 0.049, 0.05, 0.052, 0.048])
NOISE = np.array([0.03, -0.03, 0.02, -0.02, 0.01, -0.012])
PROTOCOLS = ("finetune", "linear_probe")


def two_protocols():
    """Return rows of which the second protocol alone decides something."""
    first = table({"mlm": BASE, "mae": BASE + NOISE, "rtd": BASE - NOISE})
    second = table({"mlm": BASE, "mae": BASE + GAIN, "rtd": BASE + NOISE}, protocol="linear_probe")
    return pd.concat([first, second])


def read(rows, **changes):
    changes = {"protocols": PROTOCOLS} | changes
    study = small_study(arms=("mlm", "mae", "rtd"), **changes)
    scores = read_scores(rows, study)
    return study, scores, judge_comparisons(study, scores, "mlm")


def test_the_headline_is_of_all_protocols():
    _, scores, versus = read(two_protocols())
    assert headline(scores, "mlm", versus, ()) == (
        "At linear_probe mae beats mlm; at finetune no arm is shown to differ from mlm."
    )
    nothing = [v for v in versus if v.claim.protocol == "finetune"]
    assert headline(scores, "mlm", nothing, ()).startswith("No arm is shown to differ from mlm")


def test_a_line_of_the_strip_says_what_the_verdicts_say():
    _, scores, versus = read(two_protocols())
    probe, finetune = leads(scores, "mlm", versus, decide_all(scores, "mlm"))
    assert (probe.protocol, probe.answer) == ("linear_probe", "mae beats mlm.")
    (chip,) = probe.chips
    assert (chip.word, chip.arm) == ("wins", "mae") and chip.numbers.startswith("+5.0 [+4.")
    assert probe.rest.startswith("One more arm is not shown to differ")
    words = [(mark.name, mark.word) for mark in probe.forest.marks]
    assert words == [("mae", "wins"), ("rtd", "undecided")]
    for mark in probe.forest.marks:
        assert mark.x_low <= mark.x_mean <= mark.x_high < probe.forest.width
    assert probe.forest.zero < probe.forest.marks[0].x_low
    assert finetune.answer.startswith("No arm is shown to differ from mlm (")
    assert not finetune.chips


def test_a_single_task_is_no_mean():
    """Where a task is decided and the mean is not, the words beside its chip are of the mean."""
    other = {"mlm": BASE, "mae": BASE + 8 * NOISE, "rtd": BASE - NOISE}
    decided = table({"mlm": BASE, "mae": BASE + GAIN, "rtd": BASE})
    rows = pd.concat([decided, table(other, task="x")])
    _, scores, versus = read(rows, protocols=("finetune",), tasks=("sst2", "x"))
    (line,) = leads(scores, "mlm", versus, decide_all(scores, "mlm"))
    assert [(chip.arm, chip.where) for chip in line.chips] == [("mae", "on sst2 alone")]
    assert line.answer.startswith("On the mean: No arm is shown to differ from mlm (")


def test_what_reads_the_corpus_is_won_by_nobody():
    inside = table(
        {"mlm": BASE, "mae": BASE + GAIN}, protocol="representation", task="corpus", n_train=0
    )
    rows = pd.concat([two_protocols(), inside])
    _, scores, versus = read(rows, protocols=(*PROTOCOLS, "representation"))
    assert [setting.protocol for setting in compared_settings(scores)] == [*PROTOCOLS]
    lines = leads(scores, "mlm", versus, decide_all(scores, "mlm"))
    assert "how training went: representation." in legend(scores, "mlm", lines, versus)


def test_many_tasks_without_a_mean_are_counted():
    tasks = ("sst2", "trec", "stsb", "mrpc")
    metrics = ("accuracy", "accuracy", "perplexity_byte", "accuracy")
    rows = pd.concat(
        table({"mlm": BASE, "mae": BASE + GAIN}, task=task, metric=metric)
        for task, metric in zip(tasks, metrics, strict=True)
    )
    study = small_study(tasks=tasks)
    scores = read_scores(rows, study)
    versus = judge_comparisons(study, scores, "mlm")
    (line,) = leads(scores, "mlm", versus, decide_all(scores, "mlm"))
    said = [(chip.word, chip.numbers) for chip in line.chips]
    assert said == [("wins", "3 of 4 tasks"), ("loses", "1 of 4 tasks")]


def warnings(rows, arms=("mlm", "mae")):
    scores = read_scores(rows, small_study(arms))
    return cautions(rows, scores, (), decide_all(scores, "mlm"))


def test_floors_and_edges_are_said_before_the_answer_is_believed():
    rows = pd.concat(
        [
            frame(floor_rows([0.9] * 6)),
            table({"mlm": BASE, "mae": BASE + GAIN}, grid_edge="C highest"),
        ]
    )
    floor, edge = warnings(rows)
    assert floor == (
        "majority class, which had no pretraining, has a better mean on sst2 (finetune) than every "
        "arm that had one: 90.0; the best of them, mae, has 57.5."
    )
    assert edge.startswith("finetune: 12 of 12 choices lie at the edge")
    inside = rows.assign(grid_edge="")
    assert len(warnings(inside)) == 1


def test_a_pretraining_that_is_worth_nothing_is_said_first():
    arms = {"random_init": BASE, "mlm": BASE + NOISE / 4, "mae": BASE - NOISE / 4}
    (said,) = warnings(table(arms), arms=(*arms,))
    assert said.startswith(
        "At finetune no pretrained arm is shown to be better than random_init, which had no "
    )
    assert not warnings(table(arms | {"mae": BASE + GAIN}), arms=(*arms,))
    few = table({arm: values[:5] for arm, values in arms.items()})
    assert not warnings(few, arms=(*arms,)), "with so few seeds nothing could be shown"


@pytest.mark.parametrize(
    ("shift", "test", "margin", "reason"),
    [
        (-0.03, "non_inferiority", 0.03, "mae seems worse, for the interval does not hold 0"),
        (0.0, "non_inferiority", 0.005, "beyond the margin of 0.5 points"),
        (0.0, "equivalence", 0.005, "ends beyond the margin of 0.5 points on both sides"),
        (0.0, "superiority", 0.0, "the interval holds 0"),
    ],
)
def test_an_undecided_claim_has_its_reason(shift, test, margin, reason):
    rows = table({"mlm": BASE, "mae": BASE + shift + NOISE / 2})
    claim = Claim(sentence="x", treatment="mae", control="mlm", test=test, margin=margin)
    study = small_study(claims=(claim,))
    (verdict,) = judge_claims(study, read_scores(rows, study))
    assert verdict.outcome == "not decidable" and reason in verdict.reason
    if shift < 0:  # never "mae is better with posterior probability .01"
        assert "mlm is better with posterior probability" in verdict.reason


def test_claims_are_counted_where_no_pair_with_the_control_was_run(tmp_path):
    rows = table({"mae": BASE, "rtd": BASE + GAIN})
    claim = Claim(sentence="x", treatment="rtd", control="mae")
    study = small_study(arms=("mlm", "mae", "rtd"), claims=(claim,), control="mlm")
    page = write_report(rows, study, tmp_path / "r").read_text()
    assert "Nothing can be compared with mlm yet" in page.split("<h1>")[1].split("</h1>")[0]
    assert '<p class="plain"><b>The claim is supported.</b></p>' in page


def test_the_text_that_was_read_is_of_the_setting_shown():
    costs = {"pretrain_flops": 1e12, "pretrain_steps": 10, "pretrain_tokens": 1e5}
    costs["params_encoder"] = 1e4
    rows = pd.concat(table({"mlm": BASE}, corpus_tokens=n, **costs) for n in (500_000, 1_000_000))
    corpus = CorpusSpec(tokens=2_000_000)
    study = small_study(arms=("mlm",), corpus=corpus, corpus_tokens=(500_000, 1_000_000))
    said = trained_sentence(study, rows, read_scores(rows, study), ())
    assert "1 M tokens of text" in said and "2 M" not in said
    study = small_study(arms=("mlm",), corpus=corpus, corpus_tokens=(500_000,))
    said = trained_sentence(study, rows[:6], read_scores(rows[:6], study), ())
    assert "500 k tokens of text" in said


@pytest.mark.parametrize(("layers", "said"), [(1, "of 1 layer × 64"), (2, "of 2 layers × 64")])  # noqa: RUF001
def test_one_layer_is_in_the_singular(layers, said):
    costs = {"pretrain_flops": 1e12, "pretrain_steps": 10, "pretrain_tokens": 1e5}
    rows = table({"mlm": BASE}, params_encoder=1e4, **costs)
    backbone = BackboneSpec(num_layers=layers, hidden_size=64, num_heads=2)
    study = small_study(arms=("mlm",), backbone=backbone)
    assert said in trained_sentence(study, rows, read_scores(rows, study), ())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_strip_stands_above_the_prose_and_the_expectation_below_it(language, tmp_path):
    from mae_bench.analysis.report import ReportContext

    study = small_study(arms=("mlm", "mae", "rtd"), protocols=PROTOCOLS, expectation="Nine minutes")
    context = ReportContext(language=language)
    page = write_report(two_protocols(), study, tmp_path / "r", context=context).read_text()
    order = [page.index(part) for part in ('<ol class="leads"', '<p class="plain"', "Nine minutes")]
    assert order == sorted(order) and page.index('id="reproduce"') < order[-1]
    with speaking(language):
        assert page.count('<svg class="forest"') == 2


def test_a_packaged_study_is_reproduced_by_its_name():
    assert packaged_name(str(packaged() / "papers/mae_lm/main.yaml")) == "papers/mae_lm/main"
    assert packaged_name("quickstart") == "quickstart"
    assert packaged_name(__file__) == __file__
