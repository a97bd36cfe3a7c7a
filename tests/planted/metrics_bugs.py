"""Bugs in what metrics mean and how text is written, for `run.py`."""

from bugs import Bug

DIRECTION = "tests/unit/test_direction.py"
METRICS = "tests/reference/test_metrics.py"
TEXT = "tests/property/test_report_text.py"
BUGS = (
    Bug(
        "wrong_way",
        "A lower perplexity is taken for a loss.",
        "mae_bench/analysis/pairs.py",
        "return replace(side, values=measure.sign * side.values)",
        "return side",
        (DIRECTION,),
    ),
    Bug(
        "gain_shown",
        "Where lower is better, the gain is printed as the difference.",
        "mae_bench/analysis/claims.py",
        "return [v.turned() if v.measure.sign < 0 else v for v in said]",
        "return said",
        (DIRECTION,),
    ),
    Bug(
        "published_way",
        "A published fall of a metric is read as a loss, whatever the metric.",
        "mae_bench/analysis/references.py",
        "measure_in(claim, scores, others).sign < 0",
        "1 < 0",
        (DIRECTION,),
    ),
    Bug(
        "chosen_worst",
        "Where lower is better, the worst setting of the selection part is taken.",
        "mae_bench/training/outcome.py",
        "key=lambda pair: (-sign * pair[1], pair[0].loss)",
        "key=lambda pair: (-pair[1], pair[0].loss)",
        ("tests/unit/test_finetune.py",),
    ),
    Bug(
        "tuned_to_the_worst",
        "Where lower is better, tuning takes the options of the worst trial.",
        "mae_bench/tuning/trials.py",
        "measure_of(TASKS.get(cell.task).metrics[0]).sign * float(value)",
        "float(value)",
        ("tests/unit/test_tuning_value.py",),
    ),
    Bug(
        "higher_perplexity",
        "Higher perplexity is declared the better one.",
        "mae_bench/measures.py",
        'declare("perplexity_*", better="lower"',
        'declare("perplexity_*", better="higher"',
        ("tests/contract/test_measures_contract.py",),
    ),
    Bug(
        "always_points",
        "Every metric is shown x 100.",
        "mae_bench/measures.py",
        "return 100 if self.unit == POINTS else 1",
        "return 100",
        ("tests/contract/test_measures_contract.py",),
    ),
    Bug(
        "f1_of_what_occurs",
        "F1 has another form where the predictions hold two classes only.",
        "mae_bench/tasks/metrics.py",
        "classes = [1] if num_classes == 2 else list(range(num_classes))",
        "classes = [1] if max(labels.max(), predictions.max()) < 2 else list(range(num_classes))",
        (METRICS,),
    ),
    Bug(
        "f1_without_absent",
        "The mean of F1 leaves out the task's classes that do not occur.",
        "mae_bench/tasks/metrics.py",
        "return float(np.mean(by_class))",
        "return float(np.mean(by_class[np.isin(classes, [*labels, *predictions])]))",
        (METRICS,),
    ),
    Bug(
        "f1_binary_everywhere",
        "A task of three classes is scored by class 1 alone.",
        "mae_bench/training/outcome.py",
        "name: METRICS.get(name)(test.labels, found, splits.task.num_labels)",
        "name: METRICS.get(name)(test.labels, found, 2)",
        ("tests/contract/test_protocols_contract.py",),
    ),
    Bug(
        "bars_in_cells",
        "A bar in a label opens another column of a Markdown table.",
        "mae_bench/analysis/markup.py",
        'r"[\\\\|`*~$]"',
        'r"[\\\\`*~$]"',
        (TEXT,),
    ),
    Bug(
        "labels_as_formulas",
        "Dollar signs of a label set a formula in figures.",
        "mae_bench/analysis/plots.py",
        '"text.parse_math": False,',
        '"text.parse_math": True,',
        (TEXT,),
    ),
    Bug(
        "raw_captions",
        "Captions of LaTeX tables are not escaped.",
        "mae_bench/analysis/tables.py",
        "caption = latex(self.caption)",
        "caption = self.caption",
        (TEXT,),
    ),
)
