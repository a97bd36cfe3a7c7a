"""Semantic similarity of two sentences."""

from mae_bench.data.sources import Source
from mae_bench.tasks.base import Task, add_task
from mae_bench.tasks.published import add_published, split_rows

_LICENCE = "CC BY-SA 4.0 with licences per source"
add_task(
    Task(
        name="stsb",
        kind="regress",
        text_fields=("sentence1", "sentence2"),
        label_field="label",
        label_names=(),
        metrics=("spearman", "pearson"),
        source=Source(
            hub_id="mteb/stsbenchmark-sts",
            revision="b0fddb56ed78048fa8b90373c8a3cfc37b684831",
            folder="stsb",
            splits={"train": "train", "validation": "validation", "test": "test"},
            hub_fields={"score": "label"},
            licence=_LICENCE,
            rows=split_rows(5749, 1500, 1379),
            note="the release's labelled test split, which GLUE's version withholds",
        ),
        selection_split="validation",
        label_range=(0.0, 5.0),
        licence=_LICENCE,
        note="STS benchmark (Cer et al. 2017, arXiv:1708.00055)",
    )
)

add_published(
    "sts12",
    "regress",
    texts=("sentence1", "sentence2"),
    label="score",
    metrics=("spearman", "pearson"),
    rows={"train": 2234, "test": 3108},
    hub="mteb/sts12-sts@a0d554a64d88156834ff5ae9920b964011b16384",
    folder="sts/sts12",
    label_range=(0.0, 5.0),
    licence="mixed per source (SemEval)",
    note=(
        "SemEval-2012 task 6, all sources in one correlation; the only one of STS 2012-2016 with a "
        "train split; local copies may lack MSRvid (1,484 and 2,358 pairs); stsb holds many of its "
        "pairs"
    ),
)
