"""The values that say what is to be done: frozen, strict, and hashed into stage ids.

What to touch: a new key needs a default that means what was done before, and a meaning in its
docstring. What a name means (an objective, a task) is checked by the planner, which knows the
registries. Nothing here imports torch.
"""

from mae_bench.specs.base import (
    PER_CLASS,
    Count,
    Frozen,
    Name,
    Positive,
    Precision,
    Ratio,
    Share,
    TrainSize,
    per_class,
    stage_id,
)
from mae_bench.specs.budget_split import BudgetSplit, at_share, percent
from mae_bench.specs.claims import (
    LETTERS,
    Claim,
    Comparison,
    Letter,
    Reference,
    Written,
)
from mae_bench.specs.encoders import OUTSIDE, EncoderSpec
from mae_bench.specs.evaluation import (
    CLEAN,
    CORPUS,
    EvaluateSpec,
    FinetuneRecipe,
    LongText,
    LoraSpec,
    NoiseSpec,
    ProbeRecipe,
    RepresentationRecipe,
    WordProbeRecipe,
)
from mae_bench.specs.limits import MIN_SEEDS, few_seeds, study_limits
from mae_bench.specs.own_task import OwnTask
from mae_bench.specs.pretraining import (
    PRESETS,
    BackboneSpec,
    Budget,
    CorpusSpec,
    PretrainRecipe,
    PretrainSpec,
    TokenizerSpec,
)
from mae_bench.specs.scoring import ScoreRecipe
from mae_bench.specs.study import (
    PEAK_LR,
    ArmSpec,
    Study,
    TuningSpec,
)
from mae_bench.specs.vectors import Cloze, FewShotRecipe, KnnRecipe, VectorRecipe, ZeroShotRecipe

__all__ = [
    "ArmSpec",
    "BackboneSpec",
    "Budget",
    "BudgetSplit",
    "CLEAN",
    "CORPUS",
    "Claim",
    "Cloze",
    "Comparison",
    "CorpusSpec",
    "Count",
    "EncoderSpec",
    "EvaluateSpec",
    "FewShotRecipe",
    "FinetuneRecipe",
    "Frozen",
    "KnnRecipe",
    "LETTERS",
    "Letter",
    "LongText",
    "LoraSpec",
    "MIN_SEEDS",
    "Name",
    "NoiseSpec",
    "OwnTask",
    "OUTSIDE",
    "PEAK_LR",
    "PER_CLASS",
    "PRESETS",
    "Positive",
    "Precision",
    "PretrainRecipe",
    "PretrainSpec",
    "ProbeRecipe",
    "Ratio",
    "Reference",
    "RepresentationRecipe",
    "Share",
    "Study",
    "TokenizerSpec",
    "TrainSize",
    "per_class",
    "percent",
    "TuningSpec",
    "WordProbeRecipe",
    "Written",
    "ScoreRecipe",
    "few_seeds",
    "stage_id",
    "study_limits",
    "VectorRecipe",
    "ZeroShotRecipe",
    "at_share",
]
