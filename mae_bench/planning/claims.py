"""Checks what claims and references name: arms, tasks, settings, metrics, values of axes."""

from collections.abc import Iterable, Sequence

from mae_bench.errors import SpecError, UnknownNameError, near_match
from mae_bench.measures import measure_of
from mae_bench.planning.deciding import check_mean
from mae_bench.planning.reading import asked_tasks, averaged_tasks
from mae_bench.sentences import shown
from mae_bench.specs import CORPUS, Claim, Comparison, Study
from mae_bench.specs.claim_axes import axis_values, noises_along
from mae_bench.specs.claims import MIN_STEPS


def check_claims(study: Study, labels: Sequence[str]) -> None:
    """Refuse claims and references that name what the study does not have.

    Args:
        study: to be checked.
        labels: of its arms, encoders and floors.

    Raises:
        SpecError: the first of them.
    """
    for number, claim in enumerate(study.claims):
        where = f"claims[{number}]"
        _check_arms(where, claim, labels)
        _check_margin(where, claim)
        if claim.test == "ratio":
            _check_cost(where, claim, study)
        else:
            _check_metrics(where, claim, study)
        _check_places(where, claim, study)
        if claim.along is not None:
            _check_axis(where, claim, study)
    for number, reference in enumerate(study.references):
        where, side = f"references[{number}].comparison", reference.comparison
        _check_arms(where, side, labels)
        _check_metrics(where, side, study)
        _check_places(where, side, study)


def _check_arms(where: str, side: Claim | Comparison, labels: Sequence[str]) -> None:
    if isinstance(side, Claim) and isinstance(side.along, tuple):
        for number, label in enumerate(side.along):
            check_member(f"{where}.along[{number}]", label, labels)
        return
    check_member(f"{where}.treatment", side.treatment, labels)
    if isinstance(side, Claim) and side.test == "monotone" and not side.control:
        return
    check_member(f"{where}.control", side.control, labels)
    if side.treatment == side.control and side.control_protocol in (None, side.protocol):
        raise SpecError(
            f"{where} compares '{side.treatment}' with itself; treatment and control must differ, "
            "or protocol and control_protocol"
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


def _check_cost(where: str, claim: Claim, study: Study) -> None:
    """Refuse a ratio of pretrainings of arms that have none."""
    from mae_bench.objectives.base import OBJECTIVES

    if not str(claim.cost).startswith("pretrain"):
        return
    trained = [a.label for a in study.objectives if OBJECTIVES.get(a.objective).is_trained]
    for name in ("treatment", "control"):
        if getattr(claim, name) not in trained:
            raise SpecError(
                f"{where}.{name} must be an arm that is pretrained here ({', '.join(trained)}) for "
                f"cost '{claim.cost}', got '{getattr(claim, name)}'"
            )


def _check_metrics(where: str, side: Claim | Comparison, study: Study) -> None:
    if side.metric is not None:
        _check_metric(f"{where}.metric", side, study)
    elif side.task is None and side.protocol not in corpus_readers(study):
        check_mean(where, study, averaged_tasks(study, side.protocol))


def _check_metric(where: str, side: Claim | Comparison, study: Study) -> None:
    """Refuse a metric that none of the tasks has; those of the corpus depend on its checkpoints."""
    from mae_bench.protocols.base import PROTOCOLS
    from mae_bench.tasks.own import task_of

    protocols = [side.protocol] if side.protocol else study.protocols
    if any(PROTOCOLS.get(name).reads_corpus for name in protocols):
        try:
            measure_of(str(side.metric))
        except UnknownNameError as error:
            raise UnknownNameError(f"{where}: {error}", error.got) from None
        return
    tasks = [side.task] if side.task in study.real_tasks else study.real_tasks
    known = [m for task in tasks for m in task_of(study, task).metrics]
    check_member(where, str(side.metric), dict.fromkeys(known))


def _check_places(where: str, side: Claim | Comparison, study: Study) -> None:
    """Refuse a task, protocol, train size or noise that the study does not have."""
    if side.task is not None:
        check_member(f"{where}.task", side.task, _readable_tasks(study))
    if side.protocol is not None:
        check_member(f"{where}.protocol", side.protocol, study.protocols)
        if side.task in study.real_tasks:
            read = asked_tasks(study, side.protocol)
            check_member(f"{where}.task, under protocol '{side.protocol}',", side.task, read)
    if side.control_protocol is not None:
        _check_control_protocol(where, side, study)
    if side.train_size is not None and side.train_size not in study.train_sizes:
        raise SpecError(
            f"{where}.train_size must be one of the study's train_sizes "
            f"({', '.join(map(str, study.train_sizes))}), got {side.train_size}"
        )
    if side.noise is not None:
        names = {noise.label for noise in study.noise} | {noise.name for noise in study.noise}
        if isinstance(side, Claim) and side.along == "noise_rate":
            names = {noise.name for noise in study.noise if noise.rate}
            names |= {f"{noise.name} ({noise.where})" for noise in study.noise if noise.rate}
        check_member(f"{where}.noise", side.noise, sorted(names))


def _check_control_protocol(where: str, side: Claim | Comparison, study: Study) -> None:
    """Refuse a protocol that the study lacks, or that reads other tasks than the treatment's."""
    named = str(side.control_protocol)
    check_member(f"{where}.control_protocol", named, study.protocols)
    if side.protocol is None:
        raise SpecError(
            f"{where}.control_protocol needs the treatment's protocol beside it, got '{named}' "
            "alone; name both"
        )
    if side.task is not None and side.task in study.real_tasks:
        check_member(f"{where}.task, under '{named}',", side.task, asked_tasks(study, named))
        return
    readers = corpus_readers(study)
    ours, theirs = (asked_tasks(study, one) for one in (side.protocol, named))
    if ours != theirs or (side.protocol in readers) != (named in readers):
        raise SpecError(
            f"{where} reads {', '.join(ours) or 'none'} under '{side.protocol}' and "
            f"{', '.join(theirs) or 'none'} under '{named}', whose means cannot be compared; name "
            "a task that both read"
        )


def _check_axis(where: str, claim: Claim, study: Study) -> None:
    """Refuse an axis with too few values, and values that are not on it."""
    if claim.along == "noise_rate":
        _check_one_noise(where, claim, study)
    if claim.along == "corpus_tokens" and None in study.corpus_tokens:
        raise SpecError(
            f"{where}.along: corpus_tokens must be numbers along which a claim goes, got null (all "
            "text); write how many tokens there are"
        )
    values, least = axis_values(claim, study), MIN_STEPS[claim.test]
    if len(values) < least:
        listed = ", ".join(map(str, values)) or "none"
        raise SpecError(
            f"{where}.along: test '{claim.test}' needs at least {least} values of "
            f"{claim.along} in the study, got {listed}; add some, or name another axis"
        )
    for number, value in enumerate(claim.between or ()):
        if value not in values:
            raise SpecError(
                f"{where}.between[{number}] must be a value of {claim.along} in the study "
                f"({', '.join(str(v) for v in values)}), got {value!s}"
            )
    if claim.between and values.index(claim.between[0]) >= values.index(claim.between[1]):
        first, last = map(str, claim.between)
        raise SpecError(
            f"{where}.between must go up {claim.along}, got {first} and {last}; write them the "
            "other way around, as two different values"
        )


def _check_one_noise(where: str, claim: Claim, study: Study) -> None:
    kinds = {f"{n.name} ({n.where})" for n in noises_along(claim, study) if n.rate}
    if len(kinds) > 1:
        raise SpecError(
            f"{where}.noise must name one noise along noise_rate, got "
            f"{claim.noise or 'none'}, which may be {' or '.join(sorted(kinds))}; name one of them"
        )


def check_member(where: str, got: str, allowed: Iterable[str]) -> None:
    """Refuse a name that is not among those allowed, with the nearest one.

    Raises:
        UnknownNameError: it is not.
    """
    allowed = list(allowed)
    if got not in allowed:
        raise UnknownNameError(
            f"{where} must be one of {', '.join(allowed)}; got {shown(got)}."
            + near_match(got, allowed),
            got,
        )


def corpus_readers(study: Study) -> list[str]:
    """Return the protocols that read rows of the corpus."""
    from mae_bench.protocols.base import PROTOCOLS

    return [name for name in study.protocols if PROTOCOLS.get(name).reads_corpus]


def _readable_tasks(study: Study) -> list[str]:
    """Return the tasks of a study, with the corpus where a protocol reads it."""
    return [*study.real_tasks, *([CORPUS] if corpus_readers(study) else [])]
