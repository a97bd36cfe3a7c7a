"""Checks a study against the registries: names, options, teachers, claims."""

from collections.abc import Iterable, Mapping

from mae_bench.backbones import check_backbone
from mae_bench.errors import SpecError, UnknownNameError, near_match
from mae_bench.measures import measure_of
from mae_bench.planning.arms import ResolvedArm, resolve_arm
from mae_bench.planning.clozes import check_clozes
from mae_bench.planning.controls import with_controls
from mae_bench.planning.deciding import check_deciding, check_mean
from mae_bench.planning.external import check_origin, resolved_backbone
from mae_bench.planning.fitting import check_kinds, check_scorers
from mae_bench.planning.heads import Head, asked_heads
from mae_bench.planning.held_out import trained_texts
from mae_bench.planning.noises import check_noises
from mae_bench.planning.outside_arms import check_encoders, left_out_protocols
from mae_bench.planning.reading import (
    asked_tasks,
    averaged_tasks,
    fitting_floors,
    left_out_floors,
)
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
from mae_bench.sentences import shown
from mae_bench.specs import (
    CORPUS,
    PEAK_LR,
    ArmSpec,
    Claim,
    Comparison,
    Study,
    study_limits,
)


def check_study(
    study: Study, tuned: Mapping[str, dict[str, object]]
) -> tuple[Study, tuple[ResolvedArm, ...], dict[str, Head], list[str]]:
    """Return the study with canonical options, ``random_init`` and a control; arms and warnings.

    Between these stand the heads that its protocols may ask, by label.

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
    if arms and not any(arm.spec.objective == "random_init" for arm in arms):
        arms = (resolve_arm(ArmSpec(objective="random_init", label="random_init")), *arms)
    check_teachers(arms, study)
    _check_steps(arms, study)
    specs = tuple(arm.spec for arm in arms)
    study = with_fitted_lengths(study.model_copy(update={"objectives": specs}))
    _check_names(study)
    left_out = check_kinds(study)
    heads = asked_heads(study, arms)
    silent = [*left_out, *check_scorers(study, heads), *left_out_floors(study)]
    check_deciding(study)
    check_lengths(study)
    check_strategies(study)
    outside = [encoder.label for encoder in study.encoders]
    labels = [*(arm.label for arm in arms), *outside, *fitting_floors(study).values()]
    if study.control is not None:
        _member("control", study.control, labels)
    sides: dict[str, Claim | Comparison] = {f"claims[{i}]": c for i, c in enumerate(study.claims)}
    for number, reference in enumerate(study.references):
        sides[f"references[{number}].comparison"] = reference.comparison
    for where, claim in sides.items():
        _member(f"{where}.treatment", claim.treatment, labels)
        _member(f"{where}.control", claim.control, labels)
        if claim.treatment == claim.control:
            raise SpecError(
                f"{where} compares '{claim.treatment}' with itself; treatment and control must "
                "differ"
            )
        if isinstance(claim, Claim):
            _check_margin(where, claim)
        if claim.metric is not None:
            _check_metric(f"{where}.metric", claim, study)
        elif claim.task is None and claim.protocol not in _readers(study):
            check_mean(where, study, averaged_tasks(study, claim.protocol))
        if claim.task is not None:
            _member(f"{where}.task", claim.task, _readable_tasks(study))
        if claim.protocol is not None:
            _member(f"{where}.protocol", claim.protocol, study.protocols)
            if claim.task in study.real_tasks:
                read = asked_tasks(study, claim.protocol)
                _member(f"{where}.task, under protocol '{claim.protocol}',", claim.task, read)
        if claim.train_size is not None and claim.train_size not in study.train_sizes:
            raise SpecError(
                f"{where}.train_size must be one of the study's train_sizes "
                f"({', '.join(map(str, study.train_sizes))}), got {claim.train_size}"
            )
        if claim.noise is not None:
            noises = {noise.label for noise in study.noise} | {n.name for n in study.noise}
            _member(f"{where}.noise", claim.noise, sorted(noises))
    control = study.control or (control_of(specs) if specs else outside[0])
    return (
        study.model_copy(update={"control": control}),
        arms,
        heads,
        [*_warnings(study, bool(tuned)), *check_clozes(study, heads), *unread, *silent],
    )


def _check_margin(where: str, claim: Claim) -> None:
    """Raise SpecError where a test needs a margin and the claim has none."""
    why = {
        "non_inferiority": "with a margin of 0 the claim is test 'superiority'",
        "equivalence": "an equivalence claim needs a margin above 0",
    }
    if claim.test in why and claim.margin == 0:
        got = "got 0" if "margin" in claim.model_fields_set else "but none is given"
        raise SpecError(
            f"{where}.margin must be above 0 for test '{claim.test}', {got}: {why[claim.test]}; "
            "write one in the metric's own unit, such as margin: 0.01 for one point of accuracy"
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
    readers = _readers(study)
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


def _check_metric(where: str, claim: Claim | Comparison, study: Study) -> None:
    """Refuse a metric that none of the tasks has; those of the corpus depend on its checkpoints."""
    from mae_bench.protocols.base import PROTOCOLS
    from mae_bench.tasks.own import task_of

    protocols = [claim.protocol] if claim.protocol else study.protocols
    if any(PROTOCOLS.get(name).reads_corpus for name in protocols):
        try:
            measure_of(str(claim.metric))
        except UnknownNameError as error:
            raise UnknownNameError(f"{where}: {error}", error.got) from None
        return
    tasks = [claim.task] if claim.task in study.real_tasks else study.real_tasks
    known = [m for task in tasks for m in task_of(study, task).metrics]
    _member(where, str(claim.metric), dict.fromkeys(known))


def _readable_tasks(study: Study) -> list[str]:
    """Return the tasks of a study, with the corpus where a protocol reads it."""
    return [*study.real_tasks, *([CORPUS] if _readers(study) else [])]


def _readers(study: Study) -> list[str]:
    """Return the protocols that read rows of the corpus."""
    from mae_bench.protocols.base import PROTOCOLS

    return [name for name in study.protocols if PROTOCOLS.get(name).reads_corpus]


def _member(where: str, got: str, allowed: Iterable[str]) -> None:
    allowed = list(allowed)
    if got not in allowed:
        raise UnknownNameError(
            f"{where} must be one of {', '.join(allowed)}; got {shown(got)}."
            + near_match(got, allowed),
            got,
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
