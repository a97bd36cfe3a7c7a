"""Questions with options to choose among: reading, causes and effects, in several languages."""

from functools import partial

from mae_bench.data.sources import Source
from mae_bench.tasks.base import Task, add_task
from mae_bench.tasks.published import split_rows

_SLICE = (
    "a slice made for BabyLM 2026, not the official split; tested on its validation part. No "
    "other set holds its train part: it is read from a local folder"
)
_PINNED = "pinned as other public projects pin it; the commit was not read for this definition"
_MAIN = "not pinned: no commit with parquet files could be verified, so 'main' is read"


def _choice(
    name: str,
    source: Source,
    note: str,
    *,
    text_fields: tuple[str, ...],
    option_fields: tuple[str, ...] = (),
    label_field: str = "label",
    label_names: tuple[str, ...] = (),
    test_split: str = "test",
    selection_split: str | None = None,
    language: str = "en",
    train_task: str = "",
) -> None:
    add_task(
        Task(
            name=name,
            kind="choice",
            text_fields=text_fields,
            option_fields=option_fields,
            label_field=label_field,
            label_names=label_names,
            metrics=("accuracy",),
            source=source,
            licence=source.licence,
            test_split=test_split,
            selection_split=selection_split,
            note=note,
            language=language,
            train_task=train_task,
        )
    )


def _babylm(name: str, language: str, licence: str, *rows: int) -> Source:
    return Source(
        hub_id="",
        revision="",
        folder=f"{name}/{language}",
        splits={"train": "train", "validation": "validation"},
        licence=licence,
        rows=split_rows(*rows),
    )


_choice(
    "c3",
    Source(
        hub_id="clue/clue",
        revision="main",
        config="c3",
        folder="c3",
        splits={"train": "train", "validation": "validation"},
        licence="non-commercial research (dataset.org/c3)",
        rows=split_rows(11869, 3816),
        note=_MAIN,
    ),
    "Chinese examinations, 2 to 4 options (Sun et al. 2020, arXiv:1904.09679); tested on the "
    "official validation split, as CLUE's test is hidden. The right option stands there twice in "
    "two rows of train, which are skipped",
    text_fields=("context", "question"),
    option_fields=("choice",),
    label_field="answer",
    test_split="validation",
    language="zh",
)

_choice(
    "race",
    Source(
        hub_id="ehovy/race",
        revision="2fec9fd81f1dc971569a9b729c43f2f0e6436637",
        config="all",
        folder="race",
        splits={"train": "train", "validation": "validation", "test": "test"},
        licence="non-commercial research (Lai et al. 2017)",
        note=_PINNED,
    ),
    "English examinations (Lai et al. 2017, arXiv:1704.04683); long texts: raise max_length",
    text_fields=("article", "question"),
    option_fields=("options",),
    label_field="answer",
    label_names=("A", "B", "C", "D"),
    selection_split="validation",
)

for _language in ("en", "nl", "zh"):
    _choice(
        f"babylm_belebele/{_language}",
        _babylm("babylm_belebele", _language, "CC BY-SA 4.0", 720, 180),
        f"reading (Bandarkar et al. 2024, arXiv:2308.16884), 180 questions; {_SLICE}",
        text_fields=("sentence",),
        label_names=("0", "1", "2", "3"),
        test_split="validation",
        language=_language,
    )
for _language, _rows in (("en", (1200, 300)), ("zh", (480, 120))):
    _choice(
        f"babylm_xcopa/{_language}",
        _babylm("babylm_xcopa", _language, "CC BY 4.0", *_rows),
        "cause or effect (Ponti et al. 2020, arXiv:2005.00333); both options hold the premise, "
        f"{_rows[1]} rows; {_SLICE}",
        text_fields=(),
        option_fields=("sentence1", "sentence2"),
        label_names=("0", "1"),
        test_split="validation",
        language=_language,
    )

_FLORES = {
    "ar": "arb_Arab",
    "de": "deu_Latn",
    "en": "eng_Latn",
    "es": "spa_Latn",
    "fr": "fra_Latn",
    "hau": "hau_Latn",
    "hi": "hin_Deva",
    "nl": "nld_Latn",
    "ru": "rus_Cyrl",
    "sw": "swh_Latn",
    "yor": "yor_Latn",
    "zh": "zho_Hans",
}
for _language, _config in _FLORES.items():
    _choice(
        f"belebele/{_language}",
        Source(
            hub_id="facebook/belebele",
            revision="75b399394a9803252cfec289d103de462763db7c",
            config=_config,
            folder=f"belebele/{_language}",
            splits={"test": "test"},
            licence="CC BY-SA 4.0",
            rows={"test": 900},
            note=_PINNED,
        ),
        "trains on race, the largest part of the training set that its authors name; 900 questions "
        "(Bandarkar et al. 2024, arXiv:2308.16884), chance .25",
        text_fields=("flores_passage", "question"),
        option_fields=("mc_answer1", "mc_answer2", "mc_answer3", "mc_answer4"),
        label_field="correct_answer_num",
        label_names=("1", "2", "3", "4"),
        language=_language,
        train_task="race",
    )

_cause_or_effect = partial(
    _choice,
    text_fields=("premise", "question"),
    option_fields=("choice1", "choice2"),
    label_names=("0", "1"),
)
_cause_or_effect(
    "copa",
    Source(
        hub_id="aps/super_glue",
        revision="main",
        config="copa",
        folder="copa",
        splits={"train": "train", "validation": "validation"},
        licence="BSD 2-Clause",
        rows=split_rows(400, 100),
        note=_MAIN,
    ),
    "cause or effect (Roemmele et al. 2011), as in SuperGLUE: 400 rows to train on, tested on the "
    "100 of the official validation split; fine-tuning on so few is unstable",
    test_split="validation",
)
for _language in ("et", "ht", "id", "it", "qu", "sw", "ta", "th", "tr", "vi", "zh"):
    _cause_or_effect(
        f"xcopa/{_language}",
        Source(
            hub_id="cambridgeltl/xcopa",
            revision="main",
            config=_language,
            folder=f"xcopa/{_language}",
            splits={"test": "test"},
            licence="CC BY 4.0",
            rows={"test": 500},
            note=_MAIN,
        ),
        "cross-lingual: trains on copa in English, 500 rows to test on (Ponti et al. 2020, "
        "arXiv:2005.00333), chance .50",
        language=_language,
        train_task="copa",
    )
