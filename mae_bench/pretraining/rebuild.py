"""Rebuilds a saved objective, to have it predict tokens of rows that it was not trained on."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from mae_bench.data.blocks import Blocks
from mae_bench.errors import SpecError
from mae_bench.masking import Lexicon, build_lexicon
from mae_bench.model.attention import to_device
from mae_bench.model.backbone import load_backbone
from mae_bench.model.teacher import SPEC_FILE
from mae_bench.objectives.base import (
    OBJECTIVES,
    Objective,
    Predictor,
    Provisions,
    Scorer,
    parse_options,
)
from mae_bench.pretraining.checkpoint import load_part
from mae_bench.results import read_json
from mae_bench.specs import Frozen, PretrainSpec

# Every hidden token is hidden wholly, each alike and all at once, and the loss is on the row's own
# tokens, whatever the objective trained with: a token that stays, that a scheme prefers or that
# is predicted beside other hidden ones is easier or harder, and no longer comparable.
PLAIN = {
    "masking": "random",
    "mask_share": 1.0,
    "random_share": 0.0,
    "keep_share": 0.0,
    "corrupt_ratio": None,
    "predict_ratio": None,
    "target_sets": 1,
    "random_targets": False,
}


def rebuild_at(folder: Path, data: Blocks, mask_ratio: float, device: str) -> Objective | None:
    """Return a checkpoint's objective, in evaluation mode, made to hide ``mask_ratio`` of a row.

    A mixture gives the part that it names as its predictor, a distilled student an mlm. None
    where nothing can predict: the encoder is not from this suite, the objective predicts no
    tokens, has no mask ratio, or cannot hide as much.
    """
    spec, provisions = trained_as(folder)
    if spec is None or provisions.predictor is None:
        return None
    predictor = provisions.predictor
    predictor = replace(predictor, options={**predictor.options, "mask_ratio": mask_ratio})
    kind = OBJECTIVES.get(predictor.objective)
    try:
        options = _asked(predictor, PLAIN)
        kind.check(options, spec.backbone, data.row_length)
    except SpecError:
        return None
    lexicon = None
    if kind.requires(options).uses_lexicon:
        lexicon = build_lexicon(data.rows, data.vocab_size, folder)
    return _rebuilt(folder, spec, predictor, options, device, lexicon)


def rebuild_scorer(folder: Path, device: str) -> tuple[Objective, Scorer] | None:
    """Return what says how likely tokens are after a pretraining, in evaluation mode.

    None where nothing can: the encoder is not from this suite, or its objective names no tokens.
    What hides tokens by the corpus' words or counts does so no more: it is told which to hide.
    """
    spec, provisions = trained_as(folder)
    if spec is None or provisions.scorer is None:
        return None
    # the rest of a token's own probability is that of having been copied
    options = _asked(provisions.scorer, {**PLAIN, "loss_on": "masked"})
    rebuilt = _rebuilt(folder, spec, provisions.scorer, options, device)
    return rebuilt, provisions.scorer


def trained_as(folder: Path) -> tuple[PretrainSpec | None, Provisions]:
    """Return what a checkpoint was trained as, and what it can be asked for: nothing of others."""
    if not (folder / SPEC_FILE).exists():
        return None, Provisions()
    spec = PretrainSpec.model_validate(read_json(folder / SPEC_FILE))
    trained = parse_options(spec.objective, spec.options)
    return spec, OBJECTIVES.get(spec.objective).provides(trained)


def _asked(predictor: Predictor, changes: Mapping[str, object]) -> Frozen:
    """Return the options of a predictor with those of the changes that it has."""
    known = OBJECTIVES.get(predictor.objective).Options.model_fields
    asked = dict(predictor.options)
    asked |= {name: value for name, value in changes.items() if name in known}
    return parse_options(predictor.objective, asked)


def _rebuilt(
    folder: Path,
    spec: PretrainSpec,
    predictor: Predictor,
    options: Frozen,
    device: str,
    lexicon: Lexicon | None = None,
) -> Objective:
    kind = OBJECTIVES.get(predictor.objective)
    objective = kind(load_backbone(folder), spec.backbone, options, seed=spec.seed, lexicon=lexicon)
    load_part(objective, folder, predictor.prefix)
    return to_device(objective, device).eval()
