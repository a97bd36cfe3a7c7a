"""The size of each vocabulary of a plan, known or assumed before anything runs."""

from mae_bench.backbones import architecture_of
from mae_bench.data.adopt_tokenizer import num_tokens
from mae_bench.data.encoders import parse_hub_encoder
from mae_bench.planning.plan import Plan
from mae_bench.planning.stage import Key, Stage
from mae_bench.specs import TokenizerSpec
from mae_bench.store.store import Store
from mae_bench.user_paths import user_path


class Vocabularies:
    """How many tokens the tokenizers of a plan have: one, unless a grid gives several.

    Attributes:
        assumption: a sentence where a size is only assumed; else empty.
    """

    def __init__(self, plan: Plan, store: Store) -> None:
        """Look up what the study asks for, or what an encoder's tokenizer has if it is there."""
        self._plan, self._store = plan, store
        self.assumption = ""
        self._of_study = self._size(plan.study.corpus.tokenizer)
        self._by_key = {
            stage.key: self._size(stage.spec.tokenizer)  # type: ignore[union-attr]
            for stage in plan.stages
            if stage.kind == "tokenizer"
        }

    def of(self, stage: Stage) -> int:
        """Return the number of tokens of what a stage makes or reads."""
        return self._by_key.get(self._tokenizer(stage), self._of_study)

    def _tokenizer(self, stage: Stage) -> Key:
        at = stage
        if stage.kind == "evaluate" and stage.checkpoint is not None:
            at = self._plan.by_key[stage.checkpoint]
        return next((need for need in at.needs if need[0] == "tokenizer"), stage.key)

    def _size(self, spec: TokenizerSpec) -> int:
        if spec.origin is None:
            return spec.vocab_size
        if parse_hub_encoder(spec.origin) is None:
            return num_tokens(user_path(spec.origin))
        made = [stage for stage in self._plan.stages if stage.kind == "tokenizer"]
        for key in [key for stage in made for key in (stage.key, *stage.needs)]:
            if self._store.is_done(*key):
                return num_tokens(self._store.path(*key))
        size = architecture_of(self._plan.study.backbone).assumed_vocab_size
        self.assumption = (
            f"a vocabulary of {size:,} tokens, for that of '{spec.origin}' is not fetched yet; "
            "`mae-bench prepare` fetches it"
        )
        return size
