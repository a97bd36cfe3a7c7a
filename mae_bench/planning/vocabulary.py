"""The size of a study's vocabulary, known or assumed before anything runs."""

from dataclasses import dataclass

from mae_bench.backbones import architecture_of
from mae_bench.data.adopt_tokenizer import num_tokens
from mae_bench.data.encoders import parse_hub_encoder
from mae_bench.planning.plan import Plan
from mae_bench.store.store import Store
from mae_bench.user_paths import user_path


@dataclass(frozen=True)
class Vocabulary:
    """A number of tokens, and a sentence where it is only assumed."""

    size: int
    assumption: str = ""


def vocabulary_of(plan: Plan, store: Store) -> Vocabulary:
    """Return what the study asks for, or what the encoder's tokenizer has once it can be read."""
    spec = plan.study.corpus.tokenizer
    if spec.origin is None:
        return Vocabulary(spec.vocab_size)
    if parse_hub_encoder(spec.origin) is None:
        return Vocabulary(num_tokens(user_path(spec.origin)))
    made = [stage for stage in plan.stages if stage.kind == "tokenizer"]
    for key in [key for stage in made for key in (stage.key, *stage.needs)]:
        if store.is_done(*key):
            return Vocabulary(num_tokens(store.path(*key)))
    size = architecture_of(plan.study.backbone).assumed_vocab_size
    return Vocabulary(
        size,
        f"a vocabulary of {size:,} tokens, for that of '{spec.origin}' is not fetched yet; "
        "`mae-bench prepare` fetches it",
    )
