"""Classification of one text outside GLUE: question type, subjectivity, spam, citations."""

from mae_bench.data.sources import Source
from mae_bench.tasks.base import Task, add_task
from mae_bench.tasks.published import add_published, split_rows

_MOVIES = "not stated (Pang & Lee 2005)"
add_task(
    Task(
        name="rotten_tomatoes",
        kind="classify",
        text_fields=("text",),
        label_field="label",
        label_names=("negative", "positive"),
        metrics=("accuracy",),
        source=Source(
            hub_id="cornell-movie-review-data/rotten_tomatoes",
            revision="aa13bc287fa6fcab6daf52f0dfb9994269ffea28",
            folder="rotten_tomatoes",
            splits={"train": "train", "validation": "validation", "test": "test"},
            licence=_MOVIES,
            rows=split_rows(8530, 1066, 1066),
        ),
        selection_split="validation",
        licence=_MOVIES,
        note="the source sentences of sst2: not an independent domain",
    )
)

_TREC = "not stated (UIUC CogComp)"
add_task(
    Task(
        name="trec",
        kind="classify",
        text_fields=("text",),
        label_field="coarse_label",
        label_names=("ABBR", "ENTY", "DESC", "HUM", "LOC", "NUM"),
        metrics=("accuracy",),
        source=Source(
            hub_id="CogComp/trec",
            revision="65752bf53af25bc935a0dce92fb5b6c930728450",
            folder="trec",
            splits={"train": "train", "test": "test"},
            licence=_TREC,
            rows={"train": 5452, "test": 500},
            note="the Hub's own parquet conversion; its main branch is a script",
        ),
        licence=_TREC,
        note="six coarse question types (Li & Roth 2002)",
    )
)

_SUBJ = "not stated (Pang & Lee 2004)"
add_task(
    Task(
        name="subj",
        kind="classify",
        text_fields=("text",),
        label_field="label",
        label_names=("objective", "subjective"),
        metrics=("accuracy",),
        source=Source(
            hub_id="SetFit/subj",
            revision="main",
            folder="subj",
            splits={"train": "train", "test": "test"},
            licence=_SUBJ,
            rows={"train": 8000, "test": 2000},
            note="not pinned: no commit of this set could be verified, so 'main' is read",
        ),
        licence=_SUBJ,
        note=(
            "no official split exists (ten folds in the literature): the Hub tests on 2,000 rows "
            "of its own choice, a local copy on its own test file, so compare within one of them"
        ),
    )
)

add_published(
    "sms_spam",
    "classify",
    texts=("sms",),
    names=("ham", "spam"),
    metrics=("f1", "accuracy"),
    rows={"train": 4504, "validation": 506, "test": 562},
    selection="validation",
    licence="CC BY 4.0",
    note=(
        "UCI SMS Spam Collection; F1 of spam, which is 13% of the messages; no official split "
        "exists: 80/10/10 by hash of the text, so that copies stay together; read from a local "
        "folder alone"
    ),
)
add_published(
    "citation_intent",
    "classify",
    texts=("text",),
    names=("Background", "CompareOrContrast", "Extends", "Future", "Motivation", "Uses"),
    metrics=("f1", "accuracy"),
    rows={"train": 1688, "validation": 114, "test": 139},
    selection="validation",
    licence="not stated (ACL-ARC, Jurgens et al. 2018)",
    note=(
        "SciBERT's split; macro F1; train holds 48 of the 135 different texts of test, which leave "
        "train here; no version on the Hub was verified"
    ),
)
