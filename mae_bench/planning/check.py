"""Checks a study against the registries: names, options, teachers, claims."""

from collections.abc import Iterable, Mapping

from mae_bench.backbones import check_backbone
from mae_bench.errors import SpecError, UnknownNameError
from mae_bench.planning.arm_items import UNTRAINED
from mae_bench.planning.arms import ResolvedArm, resolve_arm
from mae_bench.planning.claims import check_claims, check_member, corpus_readers
from mae_bench.planning.clozes import check_clozes
from mae_bench.planning.controls import with_controls
from mae_bench.planning.deciding import check_deciding
from mae_bench.planning.external import check_origin, resolved_backbone
from mae_bench.planning.fitting import check_kinds, check_scorers
from mae_bench.planning.heads import Head, asked_heads
from mae_bench.planning.held_out import trained_texts
from mae_bench.planning.noises import check_noises
from mae_bench.planning.outside_arms import check_encoders, left_out_protocols
from mae_bench.planning.reading import fitting_floors, left_out_floors
from mae_bench.planning.recipes import (
    check_lengths,
    check_variants,
    unread_recipes,
    with_fitted_lengths,
    with_recipes,
)
from mae_bench.planning.strategies import check_strategies
from mae_bench.planning.teachers import check_teachers
from mae_bench.planning.tuning_section import check_tuning
from mae_bench.specs import (
    CORPUS,
    PEAK_LR,
    ArmSpec,
    Study,
    study_limits,
)


def check_study(
    study: Study, tuned: Mapping[str, dict[str, object]], *, adds_untrained: bool = True
) -> tuple[Study, tuple[ResolvedArm, ...], dict[str, Head], list[str]]:
    """Return the study with canonical options, ``random_init`` and a control; arms and warnings.

    Between these stand the heads that its protocols may ask, by label.

    Args:
        study: as it is written.
        tuned: options by arm label that replace the study's.
        adds_untrained: whether ``random_init`` is implied where it is not among the arms.

    Raises:
        SpecError: a name is unknown, or values contradict each other; the first one found.
    """
    unread = unread_recipes(study)  # while it is known which of them are written
    study = with_recipes(study)
    check_origin(study.corpus.tokenizer)
    check_backbone(study.backbone)
    check_encoders(study)
    study = study.model_copy(update={"backbone": resolved_backbone(study.backbone)})
    arms = tuple(_arm(arm, study, tuned.get(arm.label, {})) for arm in study.objectives)
    if study.controls:
        arms = with_controls(arms)
    has_untrained = any(arm.spec.objective == UNTRAINED for arm in arms)
    if arms and adds_untrained and not has_untrained:
        arms = (resolve_arm(ArmSpec(objective=UNTRAINED, label=UNTRAINED)), *arms)
    check_teachers(arms, study)
    _check_steps(arms, study)
    specs = tuple(arm.spec for arm in arms)
    study = with_fitted_lengths(study.model_copy(update={"objectives": specs}))
    _check_names(study)
    _check_sizes(study)
    left_out = check_kinds(study)
    heads = asked_heads(study, arms)
    silent = [*left_out, *check_scorers(study, heads), *left_out_floors(study)]
    check_deciding(study)
    check_lengths(study)
    check_strategies(study)
    outside = [encoder.label for encoder in study.encoders]
    labels = [*(arm.label for arm in arms), *outside, *fitting_floors(study).values()]
    if study.control is not None:
        check_member("control", study.control, labels)
    check_claims(study, labels)
    control = study.control or (control_of(specs) if specs else outside[0])
    return (
        study.model_copy(update={"control": control}),
        arms,
        heads,
        [*_warnings(study, bool(tuned)), *check_clozes(study, heads), *unread, *silent],
    )


def control_of(arms: Iterable[ArmSpec]) -> str:
    """Return the arm that the others are compared with: the first mlm, else the first trained."""
    from mae_bench.objectives.base import OBJECTIVES

    arms = tuple(arms)
    trained = [arm for arm in arms if OBJECTIVES.get(arm.objective).is_trained]
    mlm = [arm for arm in trained if arm.objective == "mlm"]
    return (mlm or trained or arms)[0].label


def _arm(arm: ArmSpec, study: Study, tuned: Mapping[str, object]) -> ResolvedArm:
    drawn = {name: value for name, value in tuned.items() if name != PEAK_LR}
    changes = {"options": {**arm.options, **drawn}, "peak_lr": tuned.get(PEAK_LR, arm.peak_lr)}
    try:
        resolved = resolve_arm(arm.model_copy(update=changes))
        resolved.kind.check(resolved.options, study.backbone, study.corpus.row_length)
    except UnknownNameError:
        raise
    except SpecError as error:
        raise SpecError(f"arm '{arm.label}': {error}", error.got) from None
    return resolved


def _check_steps(arms: tuple[ResolvedArm, ...], study: Study) -> None:
    """Refuse a budget that is known to be too short; FLOPs and seconds show at the run."""
    from mae_bench.costs import steps_for

    budget = study.pretrain.budget
    if budget.steps is None and budget.tokens is None:
        return
    steps = steps_for(budget, 0.0, study.pretrain.batch_rows * study.corpus.row_length)
    assert steps is not None
    for arm in arms:
        try:
            arm.requires.check_steps(steps)
        except SpecError as error:
            raise SpecError(f"arm '{arm.label}': {error}", error.got) from None


def _check_sizes(study: Study) -> None:
    """Refuse all text beside numbers of tokens: rows could not tell which size is which."""
    if None in study.corpus_tokens and len(study.corpus_tokens) > 1:
        raise SpecError(
            "corpus_tokens: null (all text) must stand alone, got it beside other sizes; write how "
            "many tokens there are in all"
        )


def _check_names(study: Study) -> None:
    from mae_bench.protocols.base import PROTOCOLS
    from mae_bench.tasks.own import task_of

    for task in study.real_tasks:
        task_of(study, task)
    check_noises(study)
    check_variants(study)
    for name in study.protocols:
        if not PROTOCOLS.get(name).needs_checkpoint:
            raise SpecError(
                f"protocols must name those that need a checkpoint, got '{name}'; "
                "floors are always run, leave it out"
            )
    if study.tuning:
        check_tuning(study.tuning, study)
    readers = corpus_readers(study)
    if not study.real_tasks and len(readers) < len(study.protocols):
        others = [name for name in study.protocols if name not in readers]
        raise SpecError(
            f"tasks must name a task for the protocols {', '.join(others)}, got only '{CORPUS}', "
            "which stands for rows of the corpus; add a task, or drop those protocols"
        )
    if CORPUS in study.tasks and not readers:
        raise SpecError(
            f"tasks names '{CORPUS}', but no protocol of the study reads rows of the corpus; drop "
            "it, or add 'representation' to protocols"
        )


def _warnings(study: Study, is_tuned: bool) -> list[str]:
    warnings = [*study_limits(study), *left_out_protocols(study), *trained_texts(study)]
    if study.tuning is not None and not is_tuned:
        warnings.append("not tuned yet: the arms have the options that the study names")
    by_content: dict[str, str] = {}
    for arm in study.objectives:
        content = f"{arm.objective} {sorted(arm.options.items())} {arm.peak_lr}"
        if content in by_content:
            warnings.append(
                f"arms '{by_content[content]}' and '{arm.label}' are the same run under two names"
            )
        by_content.setdefault(content, arm.label)
    return warnings
