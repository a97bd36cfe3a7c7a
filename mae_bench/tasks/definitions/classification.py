"""Classification of one sentence outside GLUE: sentiment, question type, subjectivity."""

from mae_bench.data.sources import Source
from mae_bench.tasks.base import Task, add_task

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
            note="not pinned: no commit of this set could be verified, so 'main' is read",
        ),
        licence=_SUBJ,
        note=(
            "no official split exists (ten folds in the literature): the Hub tests on 2,000 rows "
            "of its own choice, a local copy on its own test file, so compare within one of them"
        ),
    )
)
