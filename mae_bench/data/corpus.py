"""Corpora: the named texts to pretrain on, and a user's own files beside them."""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mae_bench.data.digests import file_digest
from mae_bench.data.files import FILES_VERSION, may_hold_text
from mae_bench.data.listing import list_texts, shortened
from mae_bench.data.sources import Source, fingerprint
from mae_bench.errors import DataError, SpecError, UnknownNameError, near_match
from mae_bench.plurals import counted
from mae_bench.registry import Registry
from mae_bench.specs import CorpusSpec
from mae_bench.user_paths import is_there, user_path

CORPUS_VERSION = 1  # raise it where the documents, their split or their order change
_WIKI = "b04c8d1ceb2f5cd4588862100d08de323dccfbaa"


@dataclass(frozen=True)
class Corpus:
    """A named corpus.

    Attributes:
        name: its name in the registry.
        source: where it is read from; None for the generated world.
        text_field: the column that holds the text.
        documents: turns the column's values into documents; None takes each value as one.
        note: what a reader of results should know.
        language: of its text, as ISO 639; ``und`` where it is not known.
    """

    name: str
    source: Source | None
    text_field: str = "text"
    documents: Callable[[Iterable[str]], Iterator[str]] | None = None
    note: str = ""
    language: str = "und"

    @property
    def licence(self) -> str:
        """The source's licence; the generated world has that of mae-bench."""
        return self.source.licence if self.source else "Apache-2.0"


CORPORA: Registry[Corpus] = Registry("corpus", "corpora")


def _articles(lines: Iterable[str]) -> Iterator[str]:
    """Join WikiText's lines to articles, each of which starts with a ' = Title = ' line."""
    article: list[str] = []
    for line in lines:
        if re.fullmatch(r" = [^=].*[^=] = \n?", line) and article:
            yield "".join(article)
            article = []
        article.append(line)
    yield "".join(article)


def _without_breaks(texts: Iterable[str]) -> Iterator[str]:
    return (text.replace("<br />", "\n") for text in texts)


CORPORA.register("world")(
    Corpus(
        name="world",
        source=None,
        note="generated on demand, without end; without 'tokens' it gives 2,000,000",
        language="en",
    )
)
CORPORA.register("wikitext2_raw")(
    Corpus(
        name="wikitext2_raw",
        source=Source(
            hub_id="Salesforce/wikitext",
            revision="b08601e04326c79dfdd32d625aee71d232d685c3",
            config="wikitext-2-raw-v1",
            folder="wikitext2_raw",
            splits={"train": "train"},
            licence="CC BY-SA 3.0",
        ),
        documents=_articles,
        note="the train split, joined to articles",
        language="en",
    )
)
CORPORA.register("wiki_en")(
    Corpus(
        name="wiki_en",
        source=Source(
            hub_id="wikimedia/wikipedia",
            revision=_WIKI,
            config="20231101.en",
            folder="wiki_en",
            parts=("part0", "part1"),
            splits={"train": "train"},
            hub_files={"train": "20231101.en/train-00000-of-00041.parquet"},
            licence="CC BY-SA 3.0 and GFDL",
            note="the Hub's version is the first of 41 files, not the local folder's articles",
        ),
        language="en",
    )
)
CORPORA.register("wiki_zh")(
    Corpus(
        name="wiki_zh",
        source=Source(
            hub_id="wikimedia/wikipedia",
            revision=_WIKI,
            config="20231101.zh",
            folder="wiki_zh",
            parts=("part0",),
            splits={"train": "train"},
            hub_files={"train": "20231101.zh/train-00000-of-00006.parquet"},
            licence="CC BY-SA 3.0 and GFDL",
            note="the Hub's version is the first of 6 files, not the local folder's articles",
        ),
        language="zh",
    )
)
CORPORA.register("imdb/unsupervised")(
    Corpus(
        name="imdb/unsupervised",
        source=Source(
            hub_id="stanfordnlp/imdb",
            revision="e6281661ce1c48d982bc483cf8a173c1bbeb5d31",
            folder="imdb/unsupervised",
            splits={"train": "unsupervised"},
            licence="not stated (Maas et al. 2011)",
        ),
        documents=_without_breaks,
        note="reviews without labels; '<br />' becomes a line break",
        language="en",
    )
)
CORPORA.register("novels_en")(
    Corpus(
        name="novels_en",
        source=Source(
            hub_id="",
            revision="",
            folder="novels_en",
            parts=("eltec_part0", "eltec_part1"),
            splits={"train": "train"},
            licence="public domain texts; ELTeC markup CC BY 4.0",
        ),
        note="chunks of 19th and early 20th century novels; local folder only",
        language="en",
    )
)


def is_world(spec: CorpusSpec) -> bool:
    """Whether the text is the generated world, which is endless.

    Raises:
        SpecError: the world is named beside other sources: endless text cannot be mixed.
    """
    if "world" not in spec.sources:
        return False
    if len(spec.sources) > 1:
        raise SpecError(
            f"the corpus 'world' is endless, so it cannot be mixed with others: "
            f"got {list(spec.sources)}; name it alone"
        )
    return True


def corpus_fingerprint(spec: CorpusSpec, data_dir: Path | None) -> str:
    """Return what identifies the text behind a spec's sources, without the network.

    Raises:
        UnknownNameError: a source is neither a registered corpus nor a path that exists.
    """
    if is_world(spec):
        from mae_bench.data.world import WORLD_VERSION

        return f"corpus{CORPUS_VERSION} world:{WORLD_VERSION}"
    total = hashlib.blake2b(digest_size=16)
    if spec.validation_ratio != CorpusSpec().validation_ratio:
        total.update(b"split2\n")  # at the default, no published corpus was split anew
    for name in spec.sources:
        source = CORPORA.get(name).source if name in CORPORA else None
        if source is not None:
            total.update(f"{name} {fingerprint(source, data_dir)}\n".encode())
            corpus, plugin = CORPORA.get(name), CORPORA.plugin(name)
            if corpus.text_field != "text" or plugin is not None:
                version = plugin.version if plugin else ""
                total.update(f"column {corpus.text_field} {version}\n".encode())
        else:
            # the ending decides how content is cut, so it is part of what a file is
            listed = list_texts(source_path(name)).files
            prints = sorted(f"{f.kind}{f.packed}:{file_digest(f.path)}" for f in listed)
            total.update(f"files{FILES_VERSION} {' '.join(prints)}\n".encode())
    return f"corpus{CORPUS_VERSION} {total.hexdigest()}"


def require_text(spec: CorpusSpec) -> None:
    """Refuse a file or folder without text when a study is planned, not hours later.

    Raises:
        DataError: nothing but white space, empty fields or empty tables in a source.
        UnknownNameError: a source is neither a registered corpus nor a path that exists.
    """
    for name in spec.sources:
        if name in CORPORA:
            continue
        files = list_texts(source_path(name)).files
        if not any(map(may_hold_text, files)):
            which = "it is" if len(files) == 1 else f"its {len(files)} files are"
            raise DataError(
                f"corpus.sources: '{name}' holds no text: {which} empty or blank; name a file or "
                "folder with text, or leave it out"
            )


def left_out(spec: CorpusSpec) -> list[str]:
    """Return a sentence for each folder of a corpus of which some files are not read."""
    sentences = []
    for name in spec.sources:
        path = user_path(name)
        if name in CORPORA or not path.is_dir():
            continue
        listing = list_texts(path)
        if listing.skipped:
            sentences.append(
                f"of the folder '{name}', {counted(len(listing.files), 'file')} "
                f"{'is' if len(listing.files) == 1 else 'are'} read and {len(listing.skipped):,} "
                f"{'is' if len(listing.skipped) == 1 else 'are'} not: {shortened(listing.skipped)}"
            )
    return sentences


def source_path(name: str) -> Path:
    """Return the path that a source names, if it is no corpus.

    Raises:
        UnknownNameError: no such path; the message names the nearest corpus.
    """
    path = user_path(name)
    if not is_there(path):
        known = CORPORA.names()
        raise UnknownNameError(
            f"'{name}' is neither a corpus nor an existing file or folder; "
            f"corpora: {', '.join(known)}.{near_match(name, known)}"
        )
    return path
