"""The size of each vocabulary of a plan, known or assumed before anything runs."""

from mae_bench.backbones import architecture_of
from mae_bench.data.adopt_tokenizer import num_tokens
from mae_bench.data.encoders import parse_hub_encoder
from mae_bench.planning.plan import Plan
from mae_bench.planning.stage import Stage
from mae_bench.specs import CorpusSpec, TokenizerSpec
from mae_bench.store.store import Store
from mae_bench.user_paths import user_path


class Vocabularies:
    """How many tokens the tokenizers of a plan have: one, unless a grid gives several.

    Attributes:
        assumptions: a sentence for each size that is only assumed.
    """

    def __init__(self, plan: Plan, store: Store) -> None:
        """Look up what the study asks for, or what an encoder's tokenizer has if it is there."""
        self._plan, self._store = plan, store
        self.assumptions: list[str] = []
        self._asked = {
            stage.key: stage.spec.tokenizer
            for stage in plan.stages
            if stage.kind == "tokenizer" and isinstance(stage.spec, CorpusSpec)
        }
        self._of_study = plan.study.corpus.tokenizer
        specs = dict.fromkeys((self._of_study, *self._asked.values()))
        self._sizes = {spec: self._size(spec) for spec in specs}

    def of(self, stage: Stage) -> int:
        """Return the number of tokens of what a stage makes or reads."""
        needs = self._plan.source_of(stage).needs
        tokenizer = next((need for need in needs if need[0] == "tokenizer"), stage.key)
        return self._sizes[self._asked.get(tokenizer, self._of_study)]

    def _size(self, spec: TokenizerSpec) -> int:
        if spec.origin is None:
            return spec.vocab_size
        if parse_hub_encoder(spec.origin) is None:
            return num_tokens(user_path(spec.origin))
        made = [key for key, asked in self._asked.items() if asked == spec]
        for key in [key for one in made for key in (one, *self._plan.by_key[one].needs)]:
            if self._store.is_done(*key):
                return num_tokens(self._store.path(*key))
        size = architecture_of(self._plan.study.backbone).assumed_vocab_size
        self.assumptions.append(
            f"a vocabulary of {size:,} tokens, for that of '{spec.origin}' is not fetched yet; "
            "`mae-bench prepare` fetches it"
        )
        return size
