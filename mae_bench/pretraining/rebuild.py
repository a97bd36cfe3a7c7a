"""Rebuilds a saved objective, to have it predict tokens of rows that it was not trained on."""

from collections.abc import Callable
from pathlib import Path

from mae_bench.data.blocks import Blocks
from mae_bench.errors import SpecError
from mae_bench.masking import Lexicon, build_lexicon
from mae_bench.model.attention import to_device
from mae_bench.model.backbone import load_backbone
from mae_bench.model.teacher import SPEC_FILE
from mae_bench.objectives.base import OBJECTIVES, Objective, Scorer, parse_options
from mae_bench.pretraining.checkpoint import load_part
from mae_bench.results import read_json
from mae_bench.specs import PretrainSpec

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

    def lexicon() -> Lexicon:
        return build_lexicon(data.rows, data.vocab_size, folder)

    return _rebuild(folder, mask_ratio, data.row_length, device, lexicon)


def rebuild_for_texts(
    folder: Path, mask_ratio: float, row_length: int, device: str
) -> Objective | None:
    """Return a checkpoint's objective as `rebuild_at` does, for texts outside its corpus.

    None, too, where it hides by what it counted in the corpus.
    """
    return _rebuild(folder, mask_ratio, row_length, device, None)


def _rebuild(
    folder: Path,
    mask_ratio: float,
    row_length: int,
    device: str,
    make_lexicon: Callable[[], Lexicon] | None,
) -> Objective | None:
    if not (folder / SPEC_FILE).exists():
        return None
    spec = PretrainSpec.model_validate(read_json(folder / SPEC_FILE))
    trained = parse_options(spec.objective, spec.options)
    predictor = OBJECTIVES.get(spec.objective).provides(trained).predictor
    if predictor is None:
        return None
    kind = OBJECTIVES.get(predictor.objective)
    asked: dict[str, object] = {**predictor.options, "mask_ratio": mask_ratio}
    asked |= {name: value for name, value in PLAIN.items() if name in kind.Options.model_fields}
    try:
        options = parse_options(predictor.objective, asked)
        kind.check(options, spec.backbone, row_length)
    except SpecError:
        return None
    lexicon = None
    if kind.requires(options).uses_lexicon:
        if make_lexicon is None:
            return None
        lexicon = make_lexicon()
    objective = kind(load_backbone(folder), spec.backbone, options, seed=spec.seed, lexicon=lexicon)
    load_part(objective, folder, predictor.prefix)
    return to_device(objective, device).eval()


def rebuild_scorer(folder: Path, device: str) -> tuple[Objective, Scorer] | None:
    """Return what says how likely tokens are after a pretraining, in evaluation mode.

    None where nothing can: the encoder is not from this suite, or its objective names no tokens.
    What hides tokens by the corpus' words or counts does so no more: it is told which to hide.
    """
    if not (folder / SPEC_FILE).exists():
        return None
    spec = PretrainSpec.model_validate(read_json(folder / SPEC_FILE))
    trained = parse_options(spec.objective, spec.options)
    scorer = OBJECTIVES.get(spec.objective).provides(trained).scorer
    if scorer is None:
        return None
    kind = OBJECTIVES.get(scorer.objective)
    asked = dict(scorer.options)
    # the rest of a token's own probability is that of having been copied
    plain = {**PLAIN, "loss_on": "masked"}
    asked |= {name: value for name, value in plain.items() if name in kind.Options.model_fields}
    options = parse_options(scorer.objective, asked)
    objective = kind(load_backbone(folder), spec.backbone, options, seed=spec.seed)
    load_part(objective, folder, scorer.prefix)
    return to_device(objective, device).eval(), scorer
