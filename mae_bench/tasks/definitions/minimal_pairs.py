"""Acceptable sentences beside their least different unacceptable ones."""

from mae_bench.data.sources import Source
from mae_bench.tasks.base import Task, add_task

add_task(
    Task(
        name="blimp",
        kind="minimal_pair",
        text_fields=("sentence_good", "sentence_bad"),
        label_field="linguistics_term",
        label_names=(),
        metrics=("accuracy",),
        source=Source(
            hub_id="nyu-mll/blimp",
            revision="877fba0801ffb7cbd8c39c1ff314a46f053f6036",
            folder="blimp",
            splits={"train": "train"},
            hub_files={"train": "*/train-*.parquet"},
            licence="CC BY 4.0",
            rows={"train": 67000},
        ),
        licence="CC BY 4.0",
        test_split="train",
        note="BLiMP (Warstadt et al. 2020, arXiv:1912.00582): 67 sets of 1,000 pairs as one, and "
        "accuracy for each phenomenon; its only split is called train; 7 pairs are one sentence "
        "twice, and are skipped",
        is_test_only=True,
    )
)
add_task(
    Task(
        name="climp",
        kind="minimal_pair",
        text_fields=("sentence_good", "sentence_bad"),
        label_field="field",
        label_names=(),
        metrics=("accuracy",),
        source=Source(
            hub_id="",
            revision="",
            folder="climp",
            splits={"train": "train"},
            licence="not stated",
            rows={"train": 16000},
        ),
        licence="not stated",
        test_split="train",
        note="CLiMP (Xiang et al. 2021, arXiv:2101.11131), Chinese: 16 sets of 1,000 pairs as one, "
        "and accuracy for each of 9 phenomena; from github.com/beileixiang/CLiMP "
        "at 094a9e93a459; its only split is called train",
        language="zh",
        is_test_only=True,
    )
)
