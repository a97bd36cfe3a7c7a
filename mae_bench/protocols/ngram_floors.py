"""Floors of what `score` reads: n-grams of tokens, counted in the study's own pretraining text.

The unigram knows how common a token is; as it reads no context its likelihood is its
pseudo-likelihood, too, and it stands beside objectives that hide tokens. The trigram knows two
tokens before, and stands beside `causal`. Neither has a network or a seed. They read the tokens
and the rows that the arms were pretrained on, at most `MAX_TOKENS` of them.
"""

import math
import time
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from mae_bench.data.blocks import load_blocks
from mae_bench.data.tokenizer import UNK, load_tokenizer
from mae_bench.data.word_units import drawn_words, tokens_and_words
from mae_bench.progress import Progress
from mae_bench.protocols.base import PROTOCOLS, Protocol, read_recipe
from mae_bench.protocols.judging import judge_sample
from mae_bench.protocols.ngram_model import NgramModel
from mae_bench.protocols.outcome import ProtocolResult
from mae_bench.specs import EvaluateSpec, ScoreRecipe
from mae_bench.tasks.base import TaskData
from mae_bench.tasks.metrics import Values
from mae_bench.tasks.scored import Recovered, ScoredKind
from mae_bench.training.batching import check_room

MAX_TOKENS = 10_000_000  # positions of rows that are counted: the first, as a smaller corpus has
NUM_FRAMING = 2  # [CLS] and [SEP], which take room of the arms


class NgramScorer:
    """An n-gram model with its tokenizer, asked as an objective is.

    Attributes:
        is_left_to_right: whether it reads what stands before a token.
        unknown: tokens that were scored as [UNK], whatever they stand for.
    """

    def __init__(self, corpus: Path, tokenizer: Path, order: int, recipe: ScoreRecipe) -> None:
        """Count the corpus, unless this process has just done so.

        Raises:
            SpecError: the recipe has no room for one token of a text.
        """
        check_room(recipe.max_length, NUM_FRAMING)
        self.is_left_to_right = order > 1
        self.unknown = 0
        self._model = counted_ngrams(corpus, order)
        self._tokenizer = load_tokenizer(tokenizer)
        self._room = recipe.max_length - NUM_FRAMING

    def log_likelihoods(self, texts: Sequence[str]) -> Values:
        """Return [M] the sum of log-probabilities of each text's tokens, in nats."""
        sums = []
        for text in texts:
            ids, _ = tokens_and_words(self._tokenizer, text)
            self.unknown += ids.count(UNK)
            nats = self._model.log_probabilities(np.array(ids, dtype=np.int64))
            sums.append(math.fsum(nats))
        return np.array(sums)

    def recover(self, texts: Sequence[str], ratio: float) -> Recovered:
        """Name the commonest token for what an objective would be asked for."""
        hidden = right = read = 0
        for text in texts:
            ids, words = tokens_and_words(self._tokenizer, text)
            drawn = drawn_words(text, ratio)
            units: dict[range, bool] = {}
            for token, unit in zip(ids[: self._room], words[: self._room], strict=True):
                units[unit] = units.get(unit, True) and token == self._model.commonest
            read += len({word for unit in units for word in unit})
            asked = {unit: is_right for unit, is_right in units.items() if drawn & {*unit}}
            hidden += sum(map(len, asked))
            right += sum(len(unit) for unit, is_right in asked.items() if is_right)
        return Recovered(hidden, right, read)


@lru_cache(maxsize=2)
def counted_ngrams(corpus: Path, order: int) -> NgramModel:
    """Return the n-grams of the rows of a corpus, whose folder is named by its content."""
    blocks = load_blocks(corpus)
    num_rows = max(1, MAX_TOKENS // blocks.row_length)
    return NgramModel(np.asarray(blocks.rows[:num_rows]), order, blocks.vocab_size)


def run(
    spec: EvaluateSpec,
    *,
    order: int,
    checkpoint: Path | None,
    corpus: Path,
    tokenizer: Path,
    task: TaskData,
    device: str,
    progress: Progress,
) -> ProtocolResult:
    """Judge a sample of the test split by n-grams; the same that `score` reads.

    Raises:
        SpecError: the recipe has no room for one token of a text.
    """
    started = time.perf_counter()
    recipe = read_recipe(spec, ScoreRecipe)
    scorer = NgramScorer(corpus, tokenizer, order, recipe)
    return judge_sample(
        spec, task, scorer, recipe, progress, chosen={"order": order}, started=started
    )


for _name, _order in (("unigram", 1), ("trigram", 3)):
    PROTOCOLS.register(_name)(
        Protocol(
            _name,
            version=1,
            recipe=ScoreRecipe,
            needs_checkpoint=False,
            run=partial(run, order=_order),
            needs_labels=False,
            learns_corpus=True,
            kinds=ScoredKind,
            recipe_from="score",
        )
    )
