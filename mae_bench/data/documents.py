"""Documents of a corpus: without duplicates, split once, in one seeded order.

Order and split follow from each document's own content: neither depends on how many tokens are
kept, on the order of files, or on other documents, so corpora of different sizes nest.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mae_bench.data.corpus import CORPORA, is_world, source_path
from mae_bench.data.files import read_documents, text_files
from mae_bench.data.sources import read_split
from mae_bench.errors import DataError, SpecError
from mae_bench.seeding import seed_for
from mae_bench.specs import CorpusSpec

WORLD_VALIDATION_DOCUMENTS = 300
_WORLD_STRIDE = 10**9  # documents set apart for each seed


@dataclass(frozen=True)
class Documents:
    """The two parts of a corpus, each in its final order.

    Attributes:
        train: starts the training documents anew; endless for the world.
        validation: documents that are never trained on.
        num_duplicates: exact repetitions left out; 0 for the world, which skips them unseen.
    """

    train: Callable[[], Iterator[str]]
    validation: list[str]
    num_duplicates: int


def load_documents(spec: CorpusSpec, data_dir: Path | None) -> Documents:
    """Return a corpus without exact duplicates, split by content hash, in its seeded order.

    Where the share rounds to nothing, one document is set apart for validation, if there are
    two. The world sets a fixed number of documents apart instead of a share.

    Raises:
        DataError: a source is missing or unreadable, or holds no text.
    """
    if is_world(spec):
        return _world(spec.seed)
    key = seed_for("corpus", seed=spec.seed).to_bytes(8, "big")
    ordered: dict[bytes, tuple[int, str]] = {}
    num_found = 0
    for name in spec.sources:
        for text in _texts(name, data_dir):
            text = text.strip()
            if text:
                num_found += 1
                data = text.encode("utf-8", "surrogatepass")
                place = hashlib.blake2b(data, digest_size=16, key=key).digest()
                ordered.setdefault(place, (_hash(data), text))
    if not ordered:
        raise DataError(f"the corpus {list(spec.sources)} is empty: it holds no text")
    documents = [ordered[place] for place in sorted(ordered)]
    limit = max(int(spec.validation_ratio * 2**64), min(value for value, _ in documents) + 1)
    if len(documents) == 1:
        limit = 0
    train = [text for value, text in documents if value >= limit]
    validation = [text for value, text in documents if value < limit]
    if not train:
        raise DataError(
            f"all {len(documents)} documents of the corpus {list(spec.sources)} fall into "
            f"validation at validation_ratio {spec.validation_ratio}; give more text or a lower one"
        )
    return Documents(lambda: iter(train), validation, num_found - len(documents))


def _hash(data: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")


def _texts(name: str, data_dir: Path | None) -> Iterator[str]:
    if name not in CORPORA:
        for file in text_files(source_path(name)):
            yield from read_documents(file)
        return
    corpus = CORPORA.get(name)
    if corpus.source is None:
        raise SpecError(f"the corpus '{name}' cannot be mixed with others; name it alone")
    for split in corpus.source.splits:
        table = read_split(corpus.source, split, data_dir)
        if corpus.text_field not in table.column_names:
            raise DataError(
                f"corpus '{name}' has no column '{corpus.text_field}'; "
                f"its columns are {', '.join(table.column_names)}"
            )
        values = (value or "" for value in table.column(corpus.text_field).to_pylist())
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
