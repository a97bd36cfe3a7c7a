"""The documents of a registered corpus that no pretraining on it sees, as the source of a task."""

from dataclasses import dataclass
from pathlib import Path

from mae_bench.data.corpus import CORPORA, corpus_fingerprint
from mae_bench.data.sources import is_at_hand
from mae_bench.specs import CorpusSpec


@dataclass(frozen=True)
class HeldOutText:
    """Where held-out text is read from; it stands where a published set has its `Source`.

    Attributes:
        corpus: a name in ``CORPORA``.
    """

    corpus: str

    @property
    def spec(self) -> CorpusSpec:
        """The corpus alone, split as a study splits it that sets no ``validation_ratio``."""
        return CorpusSpec(sources=(self.corpus,))

    def fingerprint(self, data_dir: Path | None) -> str:
        """Return what identifies its text, without the network."""
        return f"held-out {corpus_fingerprint(self.spec, data_dir)}"

    def read(self, data_dir: Path | None) -> list[str]:
        """Return the documents that are set apart for validation.

        Raises:
            DataError: the corpus cannot be read, or holds no text.
        """
        from mae_bench.data.documents import load_documents

        return load_documents(self.spec, data_dir).validation

    def is_at_hand(self, data_dir: Path | None) -> bool:
        """Whether nothing is fetched."""
        source = CORPORA.get(self.corpus).source
        return source is None or is_at_hand(source, data_dir)
