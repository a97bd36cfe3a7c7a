"""TF-IDF of word n-grams, as every floor that compares words counts them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mae_bench.data.scripts import word_pattern
from mae_bench.errors import DataError

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import TfidfVectorizer


def fit_tfidf(texts: Sequence[str], max_ngram: int, what: str) -> "TfidfVectorizer":
    """Return what weighs n-grams of words by how rare they are in texts.

    A word is a run of letters and digits with their combining marks, one character of a script
    without blanks, or one other sign: a question mark can decide a class, too.

    Args:
        texts: whose vocabulary is learned.
        max_ngram: words of the longest n-gram.
        what: the texts are, for the message.

    Raises:
        DataError: the texts hold no word.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        ngram_range=(1, max_ngram),
        sublinear_tf=True,
        tokenizer=word_pattern().findall,
        token_pattern=None,
    )
    try:
        return vectorizer.fit(texts)
    except ValueError as error:
        raise DataError(f"{what} give no TF-IDF features: {error}") from error
