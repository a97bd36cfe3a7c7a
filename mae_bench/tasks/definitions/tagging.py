"""Tags of words: named entities (F1 of spans) and parts of speech (accuracy of words)."""

from mae_bench.data.sources import Source
from mae_bench.tasks.base import Task, add_task
from mae_bench.tasks.published import split_rows

_SPLITS = {"train": "train", "validation": "validation", "test": "test"}
_PARQUET = "refs/convert/parquet"  # the Hub's own conversion of sets whose main branch is a script
_NOT_PINNED = (
    "not pinned: no commit of the Hub's parquet conversion could be verified, so its branch is read"
)


def _converted(config: str) -> dict[str, str]:
    """Return the files of a configuration in the Hub's conversion."""
    return {split: f"{config}/{split}/0000.parquet" for split in _SPLITS}


def _iob2(*types: str) -> tuple[str, ...]:
    return ("O", *(f"{letter}-{name}" for name in types for letter in "BI"))


def _add_entities(
    name: str, language: str, label_names: tuple[str, ...], source: Source, note: str
) -> None:
    add_task(
        Task(
            name=name,
            kind="tag",
            text_fields=("tokens",),
            label_field="ner_tags",
            label_names=label_names,
            metrics=("span_f1", "span_precision", "span_recall"),
            source=source,
            selection_split="validation",
            licence=source.licence,
            note=note,
            language=language,
        )
    )


_add_entities(
    "conll2003",
    "en",
    _iob2("PER", "ORG", "LOC", "MISC"),
    Source(
        hub_id="eriktks/conll2003",
        revision=_PARQUET,
        folder="conll2003",
        licence="Reuters corpus: research only (Tjong Kim Sang & De Meulder 2003)",
        splits=_SPLITS,
        hub_files=_converted("conll2003"),
        note=_NOT_PINNED,
    ),
    "news of 1996-97; about 5% of test sentences are labelled wrongly (Wang et al. 2019, "
    "arXiv:1909.01441)",
)
_add_entities(
    "bc5cdr",
    "en",
    ("O", "B-Entity", "I-Entity"),
    Source(
        "",
        "",
        "bc5cdr",
        "public domain (BioCreative V)",
        _SPLITS,
        rows=split_rows(4560, 4581, 4797),
    ),
    "SciBERT's release: chemicals and diseases are one type, so scores are not those of the task "
    "with two; tags are IOB1 there; a local copy may lack sentences of the official "
    "4,560 / 4,581 / 4,797",
)
_WEIBO = ("GPE.NAM", "GPE.NOM", "LOC.NAM", "LOC.NOM", "ORG.NAM", "ORG.NOM", "PER.NAM", "PER.NOM")
_add_entities(
    "weibo_ner",
    "zh",
    (
        "O",
        *(f"B-{name}" for name in _WEIBO),
        *(f"I-{name}" for name in _WEIBO),
        *(f"S-{name}" for name in ("GPE.NAM", "LOC.NOM", "PER.NAM", "PER.NOM")),
    ),
    Source("", "", "weibo_ner", "CC BY-SA 3.0", _SPLITS, rows=split_rows(1350, 270, 270)),
    "each character is a word; posts (Peng & Dredze 2015), names and nominal mentions; read from a "
    "local folder, for the Hub's copy numbers its tags otherwise",
)
_RESUME = ("CONT", "EDU", "LOC", "NAME", "ORG", "PRO", "RACE", "TITLE")
_add_entities(
    "resume_ner",
    "zh",
    (
        "O",
        *(f"B-{name}" for name in _RESUME),
        *(f"I-{name}" for name in _RESUME),
        *(f"S-{name}" for name in ("NAME", "ORG", "RACE")),
    ),
    Source(
        "",
        "",
        "resume_ner",
        "not stated (Zhang & Yang 2018)",
        _SPLITS,
        rows=split_rows(3821, 463, 477),
    ),
    "each character is a word; short lives of managers (Zhang & Yang 2018, arXiv:1805.02023); "
    "easy, for published F1 is above 94",
)
for _language, _rows in (
    ("hau", (5716, 816, 1633)),
    ("swa", (6593, 942, 1883)),
    ("wol", (4593, 656, 1312)),
    ("yor", (6876, 983, 1964)),
):
    _add_entities(
        f"masakhaner2/{_language}",
        _language,
        _iob2("PER", "ORG", "LOC", "DATE"),
        Source(
            hub_id="masakhane/masakhaner2",
            revision=_PARQUET,
            folder=f"masakhaner2/{_language}",
            licence="CC BY-NC 4.0",
            splits=_SPLITS,
            hub_files=_converted(_language),
            rows=split_rows(*_rows),
            note=_NOT_PINNED,
        ),
        "news (Adelani et al. 2022, arXiv:2210.12391); a few spans begin with I- and are read as "
        "begun",
    )

_UPOS = tuple(
    "NOUN PUNCT ADP NUM SYM SCONJ ADJ PART DET CCONJ PROPN PRON X _ ADV INTJ VERB AUX".split()
)


def _add_parts_of_speech(name: str, language: str, source: Source, note: str) -> None:
    add_task(
        Task(
            name=name,
            kind="tag",
            text_fields=("tokens",),
            label_field="upos",
            label_names=_UPOS,
            metrics=("word_accuracy",),
            source=source,
            selection_split="validation",
            licence=source.licence,
            note=note,
            language=language,
        )
    )


_BY_SA, _BY_NC_SA = "CC BY-SA 4.0", "CC BY-NC-SA 3.0"
for _treebank, _language, _licence, _rows in (
    ("af_afribooms", "af", _BY_SA, (1315, 194, 425)),
    ("ar_padt", "ar", _BY_NC_SA, (6075, 909, 680)),
    ("en_ewt", "en", _BY_SA, (12544, 2001, 2077)),
    ("fr_gsd", "fr", _BY_SA, (14450, 1476, 416)),
    ("pcm_nsc", "pcm", _BY_SA, (7279, 991, 972)),
    ("ro_rrt", "ro", _BY_SA, (8043, 752, 729)),
):
    _add_parts_of_speech(
        f"ud_pos/{_language}",
        _language,
        Source("", "", f"ud_pos/{_treebank}", _licence, _SPLITS, rows=split_rows(*_rows)),
        f"Universal Dependencies, {_treebank}, in MasakhaPOS' copy (release not stated); "
        "read from a local folder: the order of tags in the Hub's copy could not be verified",
    )
for _language, _rows in (
    ("hau", (753, 150, 601)),
    ("swa", (693, 138, 553)),
    ("wol", (782, 156, 625)),
    ("yor", (893, 178, 713)),
):
    _add_parts_of_speech(
        f"masakhapos/{_language}",
        _language,
        Source(
            "",
            "",
            f"masakhapos/{_language}",
            "MIT (annotations); news text not stated",
            _SPLITS,
            rows=split_rows(*_rows),
        ),
        "news (Dione et al. 2023, arXiv:2305.13989); read from a local folder: the order of tags "
        "in the Hub's copy could not be verified",
    )
