"""Documents of a corpus: without duplicates, split once, in one seeded order.

Order and split follow from each document's own content: neither depends on how many tokens are
kept, on the order of files, or, where there are many, on other documents, so corpora of different
sizes nest.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mae_bench.data.corpus import CORPORA, is_world, source_path
from mae_bench.data.files import read_documents
from mae_bench.data.listing import list_texts
from mae_bench.data.sources import read_split
from mae_bench.errors import DataError, SpecError
from mae_bench.seeding import seed_for
from mae_bench.specs import CorpusSpec

WORLD_VALIDATION_DOCUMENTS = 300
MIN_VALIDATION = 200  # characters; less would give only a row or two
NEAR = 4  # the share set apart may differ from the ratio by this factor either way
FEW_DOCUMENTS = 10  # with fewer, a warning says how much text is set apart
_WORLD_STRIDE = 10**9  # indices of documents reserved for each seed, so that none overlap


@dataclass(frozen=True)
class Documents:
    """The two parts of a corpus, each in its final order.

    Attributes:
        train: starts the training documents anew; endless for the world.
        validation: documents that are never trained on.
        num_duplicates: exact repetitions left out; 0 for the world, which skips them unseen.
        warnings: sentences on what a user may not have meant.
    """

    train: Callable[[], Iterator[str]]
    validation: list[str]
    num_duplicates: int
    warnings: tuple[str, ...] = ()


def load_documents(spec: CorpusSpec, data_dir: Path | None) -> Documents:
    """Return a corpus without exact duplicates, split by content hash, in its seeded order.

    `_split` says which text is set apart where documents are few or differ much in length. The
    world sets a fixed number of documents apart instead of a share.

    Raises:
        DataError: a source is missing or unreadable, or holds no text.
    """
    if is_world(spec):
        return _world(spec.seed)
    key = seed_for("corpus", seed=spec.seed).to_bytes(8, "big")
    ordered: dict[bytes, tuple[int, str]] = {}
    num_read = 0
    for name in spec.sources:
        for text in _texts(name, data_dir):
            text = text.strip()
            if text:
                num_read += 1
                data = _encoded(text, name)
                # Sorting by a keyed hash of the content is a shuffle that depends on the seed
                # and on the text alone, and gives exact duplicates one key.
                sort_key = hashlib.blake2b(data, digest_size=16, key=key).digest()
                ordered.setdefault(sort_key, (_hash(data), text))
    if not ordered:
        raise DataError(f"the corpus {list(spec.sources)} is empty: it holds no text")
    documents = [ordered[sort_key] for sort_key in sorted(ordered)]
    train, validation = _split(documents, spec.validation_ratio)
    if not train:
        raise DataError(
            f"all {len(documents)} documents of the corpus {list(spec.sources)} fall into "
            f"validation at validation_ratio {spec.validation_ratio}; give more text or a lower one"
        )
    warnings = _doubts(spec, documents, train, validation)
    return Documents(lambda: iter(train), validation, num_read - len(documents), warnings)


def _split(documents: list[tuple[int, str]], ratio: float) -> tuple[list[str], list[str]]:
    """Return what is trained on and what is set apart, each in the order given.

    Set apart are the documents whose hash is below the ratio; where these hold less than a
    quarter of that share of the text, also those of the next hashes. Of a document that alone
    holds more than four times the share, only the end is set apart, and the rest is trained on.
    """
    share = ratio * sum(len(text) for _, text in documents)
    end = max(int(share), MIN_VALIDATION)
    limit, held = int(ratio * 2**64), 0.0
    chosen: set[int] = set()
    # In the order of hashes, so that the choice depends on texts and not on the order of files.
    for value, text in sorted(documents):
        is_cut = len(text) > NEAR * end
        is_last = len(chosen) == len(documents) - 1 > 0
        if value >= limit and held and (NEAR * held >= share or (is_last and not is_cut)):
            break
        chosen.add(value)
        held += end if is_cut else len(text)
    train, validation = [], []
    for value, text in documents:
        if value not in chosen:
            train.append(text)
        elif len(text) > NEAR * end:
            rest, last = _cut(text, end)
            train.append(rest)
            validation.append(last)
        else:
            validation.append(text)
    # A single short document is trained on: no validation rows are better than no training rows.
    if len(documents) == 1 and not train:
        return validation, []
    return train, validation


def _cut(text: str, length: int) -> tuple[str, str]:
    """Return a text in two, the second of at most this length, parted at white space if it can."""
    start = len(text) - length
    blank = re.search(r"\s", text[start:])
    end = start + blank.start() if blank and blank.end() < length else start
    return text[:end].rstrip(), text[end:].lstrip()


def _doubts(
    spec: CorpusSpec, documents: list[tuple[int, str]], train: list[str], validation: list[str]
) -> tuple[str, ...]:
    where = f"the corpus {list(spec.sources)}"
    apart = sum(map(len, validation))
    share = apart / (apart + sum(map(len, train)))
    split = f"{share:.2g} of the text is set apart for validation"
    if len(documents) == 1:
        return (
            f"{where} is one document, of {len(documents[0][1]):,} characters: are its texts apart "
            f"by blank lines, or in a line each of a .jsonl file? {split}, from its end",
        )
    is_near = spec.validation_ratio / NEAR <= share <= spec.validation_ratio * NEAR
    if len(documents) < FEW_DOCUMENTS or not is_near:
        return (
            f"{where} is {len(documents):,} documents: {split}, at validation_ratio "
            f"{spec.validation_ratio}",
        )
    return ()


def _encoded(text: str, name: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise DataError(
            f"the corpus '{name}' holds a text with half of a character, {text[error.start]!r} at "
            f"position {error.start}: {text[:40]!r}...; repair or drop that text"
        ) from error


def _hash(data: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")


def _texts(name: str, data_dir: Path | None) -> Iterator[str]:
    if name not in CORPORA:
        for file in list_texts(source_path(name)).files:
            yield from read_documents(file)
        return
    corpus = CORPORA.get(name)
    if corpus.source is None:
        raise SpecError(f"the corpus '{name}' cannot be mixed with others; name it alone")
    for split in corpus.source.splits:
        field = corpus.text_field
        texts = read_split(corpus.source, split, data_dir, texts=(field,))[field]
        values = (value or "" for value in texts)
        yield from values if corpus.documents is None else corpus.documents(values)


def _world(seed: int) -> Documents:
    from mae_bench.data.world import world_documents

    # far beyond what any seed trains on
    validation = world_documents(2**20 * _WORLD_STRIDE, WORLD_VALIDATION_DOCUMENTS)
    start = seed_for("corpus", seed=seed) % 2**20 * _WORLD_STRIDE

    def train() -> Iterator[str]:
        seen = {_hash(text.encode()) for text in validation}
        index, batch = start, 256
        while True:
            for text in world_documents(index, batch):
                value = _hash(text.encode())
                if value not in seen:
                    seen.add(value)
                    yield text
            index += batch

    return Documents(train, validation, 0)
