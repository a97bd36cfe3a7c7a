"""Classification of one text into any number of classes."""

from mae_bench.data.sources import Source
from mae_bench.tasks.base import Task, add_task

_EMOTIONS = """
    admiration amusement anger annoyance approval caring confusion curiosity desire disappointment
    disapproval disgust embarrassment excitement fear gratitude grief joy love nervousness optimism
    pride realization relief remorse sadness surprise neutral
"""
add_task(
    Task(
        name="go_emotions",
        kind="multilabel",
        text_fields=("text",),
        label_field="labels",
        label_names=tuple(_EMOTIONS.split()),
        metrics=("macro_f1", "micro_f1", "subset_accuracy"),
        source=Source(
            hub_id="google-research-datasets/go_emotions",
            revision="add492243ff905527e67aeb8b80c082af02207c3",
            config="simplified",
            folder="go_emotions",
            splits={"train": "train", "validation": "validation", "test": "test"},
            licence="Apache-2.0",
        ),
        selection_split="validation",
        licence="Apache-2.0",
        note=(
            "Reddit comments (Demszky et al. 2020, arXiv:2005.00547), 1.2 emotions a comment; "
            "offensive language; raters agree little, so that macro F1 of BERT is .46 there"
        ),
    )
)
