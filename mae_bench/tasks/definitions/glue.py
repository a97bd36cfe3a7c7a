"""The tasks of GLUE but STS-B (Wang et al. 2019, arXiv:1804.07461).

GLUE keeps the test labels of all but MRPC to itself: the official validation split is tested on
there, and selection is carved out of train.
"""

from mae_bench.data.sources import Source
from mae_bench.tasks.base import Task, add_task
from mae_bench.tasks.published import add_published, split_rows

_REVISION = "bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c"
_LABELLED = {"train": "train", "validation": "validation"}


def _source(config: str, licence: str, splits: dict[str, str], rows: dict[str, int]) -> Source:
    return Source(
        hub_id="nyu-mll/glue",
        revision=_REVISION,
        config=config,
        folder=config,
        splits=splits,
        licence=licence,
        rows=rows,
    )


_SST = "not stated (Stanford Sentiment Treebank; research use)"
add_task(
    Task(
        name="sst2",
        kind="classify",
        text_fields=("sentence",),
        label_field="label",
        label_names=("negative", "positive"),
        metrics=("accuracy",),
        source=_source("sst2", _SST, _LABELLED, split_rows(67_349, 872)),
        test_split="validation",
        licence=_SST,
        note="tested on the official validation split; same sentences as rotten_tomatoes",
    )
)

_COLA = "not stated (fair use for research)"
add_task(
    Task(
        name="cola",
        kind="classify",
        text_fields=("sentence",),
        label_field="label",
        label_names=("unacceptable", "acceptable"),
        metrics=("matthews", "accuracy"),
        source=_source("cola", _COLA, _LABELLED, split_rows(8551, 1043)),
        test_split="validation",
        licence=_COLA,
        note="tested on the official validation split",
    )
)

_MRPC = "Microsoft Research shared-source licence"
add_task(
    Task(
        name="mrpc",
        kind="pair",
        text_fields=("sentence1", "sentence2"),
        label_field="label",
        label_names=("not_equivalent", "equivalent"),
        metrics=("accuracy", "f1"),
        source=_source("mrpc", _MRPC, {**_LABELLED, "test": "test"}, split_rows(3668, 408, 1725)),
        selection_split="validation",
        licence=_MRPC,
        note=(
            "accuracy before F1, both GLUE's: always answering 'equivalent' has F1 .80, so F1 "
            "hides a collapse; local copies may split validation off another way than GLUE"
        ),
    )
)

_RTE = "not stated (PASCAL RTE 1-3, 5)"
add_task(
    Task(
        name="rte",
        kind="pair",
        text_fields=("sentence1", "sentence2"),
        label_field="label",
        label_names=("entailment", "not_entailment"),
        metrics=("accuracy",),
        source=_source("rte", _RTE, _LABELLED, split_rows(2490, 277)),
        test_split="validation",
        licence=_RTE,
        note="tested on the official validation split of 277 pairs",
    )
)

_HUB = f"nyu-mll/glue@{_REVISION}"
_NOT_ENTAILED = ("entailment", "not_entailment")
add_published(
    "qqp",
    "pair",
    texts=("question1", "question2"),
    names=("not_duplicate", "duplicate"),
    metrics=("accuracy", "f1"),
    rows={"train": 363_846, "validation": 40_430},
    test="validation",
    hub=_HUB,
    config="qqp",
    licence="Quora's terms (non-commercial)",
    note="tested on the official validation split; accuracy before F1, both GLUE's",
)
for _half, _rows in (("matched", 9815), ("mismatched", 9832)):
    add_published(
        f"mnli/{_half}",
        "pair",
        texts=("premise", "hypothesis"),
        names=("entailment", "neutral", "contradiction"),
        metrics=("accuracy",),
        rows={"train": 392_702, f"validation_{_half}": _rows},
        test=f"validation_{_half}",
        hub=_HUB,
        config="mnli",
        folder="mnli",
        licence="OANC, MNLI licence",
        note=f"tested on the official validation split of {_half} genres (arXiv:1704.05426)",
    )
add_published(
    "qnli",
    "pair",
    texts=("question", "sentence"),
    names=_NOT_ENTAILED,
    metrics=("accuracy",),
    rows={"train": 104_743, "validation": 5463},
    test="validation",
    hub=_HUB,
    config="qnli",
    licence="CC BY-SA 4.0 (SQuAD)",
    note="tested on the official validation split; a question of SQuAD, a sentence with its answer",
)
add_published(
    "wnli",
    "pair",
    texts=("sentence1", "sentence2"),
    names=("not_entailment", "entailment"),
    metrics=("accuracy",),
    rows={"train": 635, "validation": 71},
    test="validation",
    hub=_HUB,
    config="wnli",
    licence="CC BY 4.0",
    note=(
        "tested on the official validation split of 71 pairs, whose premises train repeats with "
        "the other answer: most models stay below always answering 'not_entailment' (.563)"
    ),
)
