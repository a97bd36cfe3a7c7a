"""Documents of a corpus: without duplicates, split once, in one seeded order.

Order and split follow from each document's own content: neither depends on how many tokens are
kept, on the order of files, or, where there are many, on other documents, so corpora of different
sizes nest.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mae_bench.data.corpus import CORPORA, is_world, source_path
from mae_bench.data.files import read_documents
from mae_bench.data.listing import list_texts
from mae_bench.data.sources import stream_split
from mae_bench.data.split import NEAR, split
from mae_bench.data.spool import Spool, content_hash
from mae_bench.errors import DataError, SpecError
from mae_bench.seeding import seed_for
from mae_bench.specs import CorpusSpec

WORLD_VALIDATION_DOCUMENTS = 300
FEW_DOCUMENTS = 10  # with fewer, a warning says how much text is set apart
_WORLD_STRIDE = 10**9  # indices of documents reserved for each seed, so that none overlap


@dataclass(frozen=True)
class Documents:
    """The two parts of a corpus, each in its final order, on disk where they are large.

    Attributes:
        train: starts the training documents anew; endless for the world.
        held_out: starts the documents anew that are never trained on.
        num_duplicates: exact repetitions left out; 0 for the world, which skips them unseen.
        warnings: sentences on what a user may not have meant.
    """

    train: Callable[[], Iterator[str]]
    held_out: Callable[[], Iterator[str]]
    num_duplicates: int
    warnings: tuple[str, ...] = ()

    @cached_property
    def validation(self) -> list[str]:
        """All documents that are never trained on, in memory."""
        return list(self.held_out())


def load_documents(
    spec: CorpusSpec, data_dir: Path | None, scratch: Path | None = None
) -> Documents:
    """Return a corpus without exact duplicates, split by content hash, in its seeded order.

    `mae_bench.data.split` says which text is set apart where documents are few or differ much in
    length. The world sets a fixed number of documents apart instead of a share.

    Args:
        spec: of the corpus.
        data_dir: local data, or None.
        scratch: folder on whose disk a large corpus is sorted; None for that of temporary files.

    Raises:
        DataError: a source is missing or unreadable, or holds no text.
    """
    if is_world(spec):
        return _world(spec.seed)
    key = seed_for("corpus", seed=spec.seed).to_bytes(8, "big")
    spool = Spool(_contents(spec, data_dir), key, scratch)
    if not len(spool):
        raise DataError(f"the corpus {list(spec.sources)} is empty: it holds no text")
    parts = split(spool.hashes, spool.num_chars, spec.validation_ratio)
    is_apart = np.isin(spool.hashes, np.array(list(parts.chosen), dtype=np.uint64))
    is_parted = is_apart & (spool.num_chars > parts.max_chars)
    if bool((is_apart & ~is_parted).all()):
        raise DataError(
            f"all {len(spool)} documents of the corpus {list(spec.sources)} fall into "
            f"validation at validation_ratio {spec.validation_ratio}; give more text or a lower one"
        )
    if is_parted.any():  # what white space a cut removes is not known from lengths
        apart = sum(map(len, parts.held_out(spool)))
        rest = sum(map(len, parts.train(spool)))
    else:
        apart, rest = (int(spool.num_chars[which].sum()) for which in (is_apart, ~is_apart))
    return Documents(
        lambda: parts.train(spool),
        lambda: parts.held_out(spool),
        spool.num_read - len(spool),
        _doubts(spec, spool.num_chars, apart / (apart + rest)),
    )


def _contents(spec: CorpusSpec, data_dir: Path | None) -> Iterator[bytes]:
    for name in spec.sources:
        for text in _texts(name, data_dir):
            if text := text.strip():
                yield _encoded(text, name)


def _doubts(spec: CorpusSpec, num_chars: NDArray[np.int64], share: float) -> tuple[str, ...]:
    where = f"the corpus {list(spec.sources)}"
    apart = f"{share:.2g} of the text is set apart for validation"
    if len(num_chars) == 1:
        return (
            f"{where} is one document, of {num_chars[0]:,} characters: are its texts apart "
            f"by blank lines, or in a line each of a .jsonl file? {apart}, from its end",
        )
    is_near = spec.validation_ratio / NEAR <= share <= spec.validation_ratio * NEAR
    if len(num_chars) < FEW_DOCUMENTS or not is_near:
        return (
            f"{where} is {len(num_chars):,} documents: {apart}, at validation_ratio "
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


def _texts(name: str, data_dir: Path | None) -> Iterator[str]:
    if name not in CORPORA:
        for file in list_texts(source_path(name)).files:
            yield from read_documents(file)
        return
    corpus = CORPORA.get(name)
    if corpus.source is None:
        raise SpecError(f"the corpus '{name}' cannot be mixed with others; name it alone")
    field = corpus.text_field
    for part in corpus.source.splits:
        values = (value or "" for value in stream_split(corpus.source, part, data_dir, field))
        yield from values if corpus.documents is None else corpus.documents(values)


def _world(seed: int) -> Documents:
    from mae_bench.data.world import world_documents

    # far beyond what any seed trains on
    validation = world_documents(2**20 * _WORLD_STRIDE, WORLD_VALIDATION_DOCUMENTS)
    start = seed_for("corpus", seed=seed) % 2**20 * _WORLD_STRIDE

    def train() -> Iterator[str]:
        seen = {content_hash(text.encode()) for text in validation}
        index, batch = start, 256
        while True:
            for text in world_documents(index, batch):
                value = content_hash(text.encode())
                if value not in seen:
                    seen.add(value)
                    yield text
            index += batch

    return Documents(train, lambda: iter(validation), 0)
