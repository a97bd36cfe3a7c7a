"""What a writer feels: polarity, emotion, irony, human ratings; English, Chinese, African."""

from mae_bench.tasks.published import add_published, split_rows

_POLES = ("negative", "positive")
_MOVIES = "not stated (Stanford Sentiment Treebank; research use)"
add_published(
    "sst5",
    "classify",
    texts=("text",),
    names=("very negative", "negative", "neutral", "positive", "very positive"),
    metrics=("accuracy",),
    rows={"train": 8544, "validation": 1101, "test": 2210},
    selection="validation",
    hub="SetFit/sst5@e51bdcd8cd3a30da231967c1a249ba59361279a3",
    licence=_MOVIES,
    note="same source sentences as sst2, rotten_tomatoes and vader/movie: one domain, not four",
)
add_published(
    "imdb",
    "classify",
    texts=("text",),
    names=("neg", "pos"),
    metrics=("accuracy",),
    rows={"train": 25_000, "test": 25_000},
    hub="stanfordnlp/imdb@e6281661ce1c48d982bc483cf8a173c1bbeb5d31",
    folder="imdb/labelled",
    licence="not stated (Maas et al. 2011; research)",
    note="long texts, 230 words in the middle; no review of it stands in the corpus imdb",
)
add_published(
    "customer_reviews",
    "classify",
    texts=("text",),
    names=_POLES,
    metrics=("accuracy",),
    rows={"train": 3017, "validation": 374, "test": 380},
    selection="validation",
    licence="not stated (Hu & Liu 2004)",
    note=(
        "no official split exists (ten folds in the literature): 80/10/10 by hash of the text, "
        "read from a local folder alone"
    ),
)
add_published(
    "pros_cons",
    "classify",
    texts=("text",),
    names=("cons", "pros"),
    metrics=("accuracy",),
    rows={"train": 36_373, "validation": 4917, "test": 4577},
    selection="validation",
    licence="CC BY 4.0",
    note=(
        "phrases of product reviews (Ganapathibhotla & Liu 2008) in NLTK's copy; split by hash of "
        "the text, read from a local folder alone"
    ),
)

for _name, _names, _rows in (
    ("emotion", ("anger", "joy", "optimism", "sadness"), (3257, 374, 1421)),
    ("irony", ("non_irony", "irony"), (2862, 955, 784)),
):
    add_published(
        f"tweet_eval/{_name}",
        "classify",
        texts=("text",),
        names=_names,
        metrics=("f1", "accuracy"),
        rows=split_rows(*_rows),
        selection="validation",
        hub="cardiffnlp/tweet_eval@b3a375baf0f409c77e6bc7aa35102b7b3534f8be",
        config=_name,
        folder=f"tweet_eval/{_name}",
        licence="no restriction by TweetEval; licences of its tasks and Twitter's terms",
        note=(
            "TweetEval (arXiv:2010.12421): macro F1 of emotion, F1 of the ironic class of irony; "
            "holds offensive language"
        ),
    )

for _name, _rows, _where in (
    ("amazon", (2887, 468, 353), "sentences of product reviews"),
    ("movie", (8541, 1058, 1006), "sentences of rotten_tomatoes, sst2 and sst5: not independent"),
    ("nyt", (4096, 539, 555), "sentences of newspaper editorials"),
    ("tweets", (3387, 419, 394), "tweets"),
):
    add_published(
        f"vader/{_name}",
        "regress",
        texts=("text",),
        label="score",
        metrics=("pearson", "spearman"),
        rows=split_rows(*_rows),
        selection="validation",
        label_range=(-4.0, 4.0),
        folder=f"vader_rated/{_name}",
        licence="MIT",
        note=(
            f"{_where}, mean rating by 20 people from -4 to 4 (Hutto & Gilbert 2014); split by "
            "hash of the document, read from a local folder alone"
        ),
    )

add_published(
    "chnsenticorp",
    "classify",
    texts=("text",),
    names=_POLES,
    metrics=("accuracy",),
    rows={"train": 9600, "validation": 1200},
    test="validation",
    licence="not stated (Tan Songbo; research)",
    language="zh",
    note=(
        "hotel, book and computer reviews; tested on validation, of which train holds 335 texts, "
        "which leave train here; no version on the Hub was verified"
    ),
)
add_published(
    "eprstmt",
    "classify",
    texts=("sentence",),
    names=("Negative", "Positive"),
    metrics=("accuracy",),
    rows={"train": 160, "validation": 160, "test": 610},
    selection="validation",
    folder="fewclue/eprstmt",
    licence="not stated (CLUE; research)",
    language="zh",
    note="FewCLUE's few-shot pools and public test; no version on the Hub was verified",
)

for _language, *_counts in (
    ("amh", 5984, 1497, 1999),
    ("arq", 1651, 414, 958),
    ("ary", 5583, 494, 2961),
    ("hau", 14_172, 2677, 5303),
    ("ibo", 10_192, 1841, 3682),
    ("kin", 3302, 827, 1026),
    ("pcm", 5121, 1281, 4154),
    ("por", 3063, 767, 3662),
    ("swa", 1810, 453, 748),
    ("tso", 804, 203, 254),
    ("twi", 3481, 388, 949),
    ("yor", 8522, 2090, 4515),
):
    add_published(
        f"afrisenti/{_language}",
        "classify",
        texts=("tweet",),
        names=("positive", "neutral", "negative"),
        metrics=("weighted_f1", "accuracy"),
        rows=split_rows(*_counts),
        selection="validation",
        hub="shmuhammad/AfriSenti-twitter-sentiment@b52e930385cf5ed7f063072c3f7bd17b599a16cf",
        config=_language,
        folder=f"afrisenti/{_language}",
        licence="CC BY 4.0",
        language=_language,
        note=(
            "SemEval-2023 task 12 (arXiv:2302.08956); texts of test that train repeats leave train "
            "(926 in pcm, 195 in twi); orm and tir have no train split and are left out; offensive "
            "language"
        ),
    )
