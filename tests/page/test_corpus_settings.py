"""A study with a statistic of representations, and with arms that read equally much text."""

import numpy as np
import pytest
from report_rows import row, small_study

from mae_bench.analysis.report import ReportContext, write_report
from mae_bench.results import frame
from mae_bench.specs import CORPUS

SEEDS = tuple(range(6))
ARMS = {"random_init": (0.5, 0.9), "mlm": (0.6, 0.2), "mae": (0.7, 0.3)}  # accuracy, rank_tau


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    noise = np.random.default_rng(0)
    rows = []
    for arm, means in ARMS.items():
        costs = {"pretrain_tokens": 1_500_000, "pretrain_flops": 1e12, "pretrain_s": 9.0}
        costs = {} if arm == "random_init" else costs
        for seed in SEEDS:
            score, tau = (mean + noise.normal(0, 0.005) for mean in means)
            of_corpus = {"protocol": "representation", "metric": "rank_tau", "n_train": 0}
            mine = costs and costs | {"pretrain_id": f"{arm}-{seed}"}
            rows.append(row(arm, score, seed) | mine)
            rows.append(row(arm, tau, seed, CORPUS, **of_corpus) | mine)
    protocols = ("finetune", "representation")
    study = small_study(arms=tuple(ARMS), protocols=protocols, seeds=SEEDS, control="mlm")
    out = tmp_path_factory.mktemp("corpus") / "report"
    return write_report(frame(rows), study, out, context=ReportContext())


def wins(page):
    """Return the wins of each arm over all opponents."""
    lines = page.locator(".matrix tbody tr").all_inner_texts()
    return {line.split("\t")[0].strip(): int(line.split()[-1]) for line in lines}


def test_a_statistic_of_representations_is_no_win(visit, report):
    page = visit(report)
    assert wins(page) == {"random_init": 0, "mlm": 1, "mae": 2}
    assert "Pairs of task and setting that are counted: 1." in page.locator("#wins").inner_text()
    scopes = page.get_by_role("combobox", name="Over").locator("option").all_inner_texts()
    assert scopes[0] == "all settings with scores (1)"
    assert scopes[2].endswith("(reads the corpus: no score)")
    page.get_by_role("combobox", name="Over").select_option(label=scopes[2])
    assert wins(page) == {"random_init": 2, "mlm": 0, "mae": 1}
    assert page.locator("#wins p", has_text="reads the corpus: no score").is_visible()


def test_ticks_of_one_cost_are_not_repeated(visit, report):
    page = visit(report)
    page.get_by_role("radio", name="tokens").check()
    texts = page.locator("#cost-chart svg text").all_text_contents()
    assert texts.count("1.5 M") == 1


def test_the_spot_says_where_verdicts_are_of_another_family(visit, report):
    page = visit(report)
    assert "A family of its own" in page.locator("#floors").inner_text()
    page.locator("#verdict .controls").get_by_label("Control").select_option(label="mae")
    assert "another verdict here than there" in page.locator("#compared").inner_text()
    assert "Filled marks are decided" in page.locator("#compared").inner_text()
