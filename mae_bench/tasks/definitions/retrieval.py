"""Ranking of candidates: intents as answers of an FAQ, paragraphs for a question."""

from mae_bench.data.sources import Source
from mae_bench.tasks.base import Task, add_task
from mae_bench.tasks.definitions.intents import BANKING_INTENTS
from mae_bench.tasks.published import split_rows

METRICS = ("mrr_at_10", "recall_at_1", "recall_at_5", "recall_at_10", "ndcg_at_10")
add_task(
    Task(
        name="banking77/faq",
        kind="rank",
        text_fields=("text",),
        label_field="label",
        label_names=tuple(BANKING_INTENTS),
        metrics=METRICS,
        source=Source(
            hub_id="mteb/banking77",
            revision="18072d2685ea682290f7b8924d94c62acc19c0b2",
            folder="banking77",
            splits={"train": "train", "test": "test"},
            licence="CC BY 4.0",
            rows={"train": 10003, "test": 3080},
        ),
        licence="CC BY 4.0",
        note=(
            "FAQ retrieval: utterances of bank customers against the names of 77 intents "
            "(Casanueva et al. 2020, arXiv:2003.04807)"
        ),
    )
)

add_task(
    Task(
        name="cmrc2018/passages",
        kind="rank",
        text_fields=("question",),
        label_field="context",
        label_names=(),
        metrics=METRICS,
        source=Source(
            hub_id="hfl/cmrc2018",
            revision="main",
            folder="cmrc2018",
            splits={"train": "train", "validation": "validation", "test": "test"},
            licence="CC BY-SA 4.0",
            rows=split_rows(10142, 3219, 1002),
            note="not pinned: no commit of this set could be verified, so 'main' is read",
        ),
        test_split="validation",
        selection_split="test",
        licence="CC BY-SA 4.0",
        note=(
            "Chinese questions against the 848 paragraphs of the official validation split; "
            "questions were written with their paragraph in view, so that words give much away"
        ),
        language="zh",
    )
)

for _code in ("ar", "de", "el", "en", "es", "hi", "ro", "ru", "th", "tr", "vi", "zh"):
    add_task(
        Task(
            name=f"xquad_passages/{_code}",
            kind="rank",
            text_fields=("question",),
            label_field="context",
            label_names=(),
            metrics=METRICS,
            source=Source(
                hub_id="google/xquad",
                revision="51adfef1c1287aab1d2d91b5bead9bcfb9c68583",
                config=f"xquad.{_code}",
                folder=f"xquad/{_code}",
                splits={"validation": "validation"},
                licence="CC BY-SA 4.0",
                rows={"validation": 1190},
                note="pinned as other public projects pin it; the commit itself was not read",
            ),
            test_split="validation",
            licence="CC BY-SA 4.0",
            note="1,190 questions of XQuAD against its 240 paragraphs (arXiv:1910.11856)",
            language=_code,
            is_test_only=True,
        )
    )
