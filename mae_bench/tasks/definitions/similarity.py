"""Semantic similarity of two sentences: the STS benchmark, and the years before it zero-shot."""

from mae_bench.data.sources import Source
from mae_bench.tasks.base import Task, add_task
from mae_bench.tasks.published import split_rows

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

# The commits are those at which MTEB's own results were computed.
_STS = {
    "sts12": ("a0d554a64d88156834ff5ae9920b964011b16384", "Agirre et al. 2012, S12-1051", 3108),
    "sts13": ("7e90230a92c190f1bf69ae9002b8cea547a64cca", "Agirre et al. 2013, S13-1004", 1500),
    "sts14": ("6031580fec1f6af667f0bd2da0a551cf4f0b2375", "Agirre et al. 2014, S14-2010", 3750),
    "sts15": ("ae752c7c21bf194d8b67fd573edf7ae58183cbe3", "Agirre et al. 2015, S15-2045", 3000),
    "sts16": ("4d8694f8f0e0100860b497b999b3dbed754a0513", "Agirre et al. 2016, S16-1081", 1186),
}
_NOTES = {
    "sts12": (
        "; local copies may lack MSRvid (750 pairs), and score otherwise than the full set; its "
        "official train part is not used"
    ),
    "sts13": "; without SMT, as everywhere, which was never free",
}
for _name, (_commit, _paper, _rows) in _STS.items():
    add_task(
        Task(
            name=_name,
            kind="regress",
            text_fields=("sentence1", "sentence2"),
            label_field="score",
            label_names=(),
            metrics=("spearman", "pearson"),
            source=Source(
                hub_id=f"mteb/{_name}-sts",
                revision=_commit,
                folder=f"sts/{_name}",
                splits={"test": "test"},
                licence="mixed by source (SemEval; forum data CC BY-SA)",
                rows={"test": _rows},
            ),
            label_range=(0.0, 5.0),
            licence="mixed by source (SemEval; forum data CC BY-SA)",
            note=f"{_paper}: all pairs of the year in one list{_NOTES.get(_name, '')}",
            is_test_only=True,
        )
    )
