"""Held-out text, whose likelihood is measured."""

from mae_bench.data.sources import Source
from mae_bench.tasks.base import Task, add_task

_METRICS = ("pseudo_bits_per_character",)

add_task(
    Task(
        name="wikitext2",
        kind="language_model",
        text_fields=("text",),
        label_field="",
        label_names=(),
        metrics=_METRICS,
        source=Source(
            hub_id="Salesforce/wikitext",
            revision="b08601e04326c79dfdd32d625aee71d232d685c3",
            config="wikitext-2-raw-v1",
            folder="wikitext2_raw",
            splits={"test": "test"},
            licence="CC BY-SA 3.0",
            rows={"test": 4358},
        ),
        licence="CC BY-SA 3.0",
        note="WikiText-2, raw (Merity et al. 2016, arXiv:1609.07843): each line a document; not "
        "held out from a corpus that holds these Wikipedia articles",
        is_test_only=True,
    )
)
