"""Two texts, one class: entailment, paraphrase, answers to yes-no questions; many languages."""

from mae_bench.tasks.published import add_published, split_rows

_NLI = ("entailment", "neutral", "contradiction")
add_published(
    "snli",
    "pair",
    texts=("premise", "hypothesis"),
    names=_NLI,
    metrics=("accuracy",),
    rows={"train": 550_152, "validation": 10_000, "test": 10_000},
    selection="validation",
    hub="stanfordnlp/snli@cdb5c3d5eed6ead6e5a341c8e56e669bb666725b",
    skipped_labels=(-1,),
    licence="CC BY-SA 4.0",
    note=(
        "Bowman et al. 2015, arXiv:1508.05326; pairs without a gold label (-1) are left out, as "
        "usual: 785 of train, 158 of validation, 176 of test; hypotheses alone give .67"
    ),
)
for _language in "ar bg de el en es fr hi ru sw th tr ur vi zh".split():
    add_published(
        f"xnli/{_language}",
        "pair",
        texts=("premise", "hypothesis"),
        names=_NLI,
        metrics=("accuracy",),
        rows={"train": 392_702, "validation": 2490, "test": 5010},
        selection="validation",
        hub="facebook/xnli@b8dd5d7af51114dbda02c0e3f6133f332186418e",
        config=_language,
        folder=f"xnli/{_language}",
        licence="CC BY-NC 4.0",
        language=_language,
        note=(
            "Conneau et al. 2018, arXiv:1809.05053; train is MNLI, outside English by machine "
            "translation; test by people"
        ),
    )
for _language in "de en es fr ja ko zh".split():
    add_published(
        f"pawsx/{_language}",
        "pair",
        texts=("sentence1", "sentence2"),
        names=("different", "paraphrase"),
        metrics=("accuracy",),
        rows={"train": 49_401, "validation": 2000, "test": 2000},
        selection="validation",
        hub="google-research-datasets/paws-x@4cd8187c404bda33cb1f62b49b001115862acf37",
        config=_language,
        folder=f"pawsx/{_language}",
        licence="free for any purpose, with acknowledgement of Google",
        language=_language,
        note=(
            "Yang et al. 2019, arXiv:1908.11828: pairs with the same words; train is machine "
            "translated outside English"
        ),
    )
add_published(
    "ocnli",
    "pair",
    texts=("sentence1", "sentence2"),
    names=_NLI,
    metrics=("accuracy",),
    rows={"train": 50_437, "validation": 2950},
    test="validation",
    hub="clue/clue@main",
    config="ocnli",
    hub_names=("label",),
    licence="CC BY-NC 2.0",
    language="zh",
    note=(
        "Hu et al. 2020, arXiv:2010.05444; tested on the official validation split; not pinned: no "
        "commit of this set could be verified, so 'main' is read"
    ),
)
add_published(
    "ocnli_10k",
    "pair",
    texts=("sentence1", "sentence2"),
    names=_NLI,
    metrics=("accuracy",),
    rows={"train": 9985, "validation": 2950},
    test="validation",
    folder="clue_ocnli_10k",
    licence="CC BY-NC 2.0",
    language="zh",
    note=(
        "the official small training set of OCNLI, tested on its validation split; read from a "
        "local folder alone"
    ),
)
add_published(
    "afqmc",
    "pair",
    texts=("sentence1", "sentence2"),
    names=("different", "same"),
    metrics=("accuracy",),
    rows={"train": 34_334, "validation": 4316},
    test="validation",
    hub="clue/clue@main",
    config="afqmc",
    folder="clue_afqmc",
    licence="not stated (Ant Financial, CLUE; research)",
    language="zh",
    note=(
        "questions of Alipay's customers; tested on the official validation split; 69% are "
        "'different'; not pinned on the Hub: no commit could be verified, so 'main' is read"
    ),
)
add_published(
    "boolq",
    "pair",
    texts=("question", "passage"),
    label="answer",
    names=("false", "true"),
    metrics=("accuracy",),
    rows={"train": 9427, "validation": 3270},
    test="validation",
    hub="google/boolq@35b264d03638db9f4ce671b711558bf7ff0f80d5",
    licence="CC BY-SA 3.0",
    note=(
        "Clark et al. 2019, arXiv:1905.10044; tested on the official validation split; 62% are "
        "true; passages of 140 tokens in the middle, so raise max_length"
    ),
)
add_published(
    "multirc",
    "pair",
    texts=("query_and_answer", "passage"),
    names=("False", "True"),
    metrics=("f1", "accuracy"),
    rows={"train": 24_029, "validation": 3214, "test": 4848},
    selection="validation",
    hub="eraser-benchmark/eraser_multi_rc@main",
    licence="MIT (Cogcomp); texts of eight sources",
    note=(
        "ERASER's version, which puts question and answer into one text and has labels for all its "
        "splits; F1 over answers; passages of 300 words, so raise max_length; not pinned: neither "
        "a commit nor the columns could be verified, so 'main' is read"
    ),
)

_SLICES = (
    ("mnli", "en", "OANC, MNLI licence", (7107, 1777), "the official English"),
    ("mnli", "nl", "OANC, MNLI licence", (7107, 1777), "translated"),
    ("mnli", "zh", "OANC, MNLI licence", (7107, 1777), "translated"),
    ("xnli", "en", "CC BY-NC 4.0", (8000, 2000), "the official English"),
    ("xnli", "zh", "CC BY-NC 4.0", (8000, 2000), "translated, words set apart by blanks"),
)
for _name, _language, _licence, _counts, _origin in _SLICES:
    add_published(
        f"babylm_{_name}/{_language}",
        "pair",
        texts=("premise", "hypothesis"),
        names=_NLI,
        metrics=("accuracy",),
        rows=split_rows(*_counts),
        test="validation",
        folder=f"babylm_{_name}/{_language}",
        licence=_licence,
        language=_language,
        note=(
            f"BabyLM's slice, {_origin}: not comparable with published numbers of the whole set; "
            "tested on its own validation split, read from a local folder alone"
        ),
    )

for _name, _texts, _names, _rows, _what in (
    (
        "bustm",
        ("sentence1", "sentence2"),
        ("different", "same"),
        (160, 160, 1772),
        "two questions to a voice assistant",
    ),
    (
        "csl",
        ("abst", "keyword"),
        ("not_keywords", "keywords"),
        (160, 160, 2838),
        "an abstract and a list of keywords, all of which are its own or not",
    ),
):
    add_published(
        _name,
        "pair",
        texts=_texts,
        names=_names,
        metrics=("accuracy",),
        rows=split_rows(*_rows),
        selection="validation",
        folder=f"fewclue/{_name}",
        licence="not stated (CLUE; research)",
        language="zh",
        note=(
            f"{_what}; FewCLUE's few-shot pools and public test (arXiv:2107.07498); no version on "
            "the Hub was verified"
        ),
    )
