"""Score: the objective itself says which text is likelier, and how likely; nothing is trained.

For `minimal_pair` and `language_model` tasks. What is read is chosen by content, so that every arm
and seed reads the same. An objective that hides tokens gives pseudo-log-likelihoods, `causal` the
likelihood of its own factorisation: two measures, whose bits and perplexities have two names. An
encoder from outside is asked by its own head, for hidden tokens or for next ones.
"""

import time
from pathlib import Path

from mae_bench.progress import Progress
from mae_bench.protocols.base import PROTOCOLS, Protocol, read_recipe
from mae_bench.protocols.judging import judge_sample
from mae_bench.protocols.outcome import ProtocolResult
from mae_bench.protocols.token_scorer import TokenScorer
from mae_bench.specs import EvaluateSpec, ScoreRecipe
from mae_bench.tasks.base import TaskData
from mae_bench.tasks.scored import ScoredKind


def run(
    spec: EvaluateSpec, *, checkpoint: Path, task: TaskData, device: str, progress: Progress
) -> ProtocolResult:
    """Judge a sample of the test split by a checkpoint's own head.

    Raises:
        SpecError: it has no head that names tokens, or the recipe no room for one of a text.
        DivergedError: a probability is not finite.
    """
    started = time.perf_counter()
    recipe = read_recipe(spec, ScoreRecipe)
    scorer = TokenScorer(checkpoint, recipe, device)
    measure = "likelihood" if scorer.is_left_to_right else "pseudo-likelihood"
    return judge_sample(
        spec,
        task,
        scorer,
        recipe,
        progress,
        chosen={"measure": measure, "within_word": recipe.within_word},
        started=started,
        count_flops=lambda: scorer.head.flops,
    )


PROTOCOLS.register("score")(
    Protocol(
        "score",
        version=1,
        recipe=ScoreRecipe,
        needs_checkpoint=True,
        run=run,
        needs_labels=False,
        needs_scorer=True,
        kinds=ScoredKind,
    )
)
