"""Checks which arm teaches which."""

from mae_bench.errors import SpecError, UnknownNameError, near_match
from mae_bench.planning.arms import ResolvedArm
from mae_bench.planning.external import is_outside
from mae_bench.specs import Study


def check_teachers(arms: tuple[ResolvedArm, ...], study: Study) -> None:
    """Refuse teachers that are not there, not paid for, or no teachers for that student.

    Raises:
        SpecError: the first of them.
    """
    labels = [arm.label for arm in arms]
    by_label = {arm.label: arm for arm in arms}
    taught_by: dict[str, str] = {}
    for arm in arms:
        teacher = arm.requires.teacher
        if teacher is None or (teacher not in labels and is_outside(teacher)):
            continue
        if teacher == arm.label:
            raise SpecError(f"arm '{arm.label}' names itself as teacher; name another arm")
        if teacher not in labels:
            raise UnknownNameError(
                f"arm '{arm.label}': unknown teacher '{teacher}'; a teacher is the label of "
                f"another arm ({', '.join(labels)}), an encoder's folder, or owner/name@commit "
                "on the Hub, with all 40 digits of the commit." + near_match(teacher, labels),
                teacher,
            )
        budget = study.pretrain.budget
        unit = "flops" if budget.flops else "seconds" if budget.seconds else None
        if unit and arm.requires.amortise_over == 1:
            raise SpecError(
                f"arm '{arm.label}': its teacher '{teacher}' spends the whole pretrain.budget of "
                f"{unit}, so that nothing is left for '{arm.label}', which pays for it; set "
                "amortise_over to at least 2, or take a teacher from outside the study"
            )
        if arm.requires.reads_soft_targets:
            _check_soft_head(arm, by_label[teacher])
        taught_by[arm.label] = teacher
    for start in taught_by:
        chain = [start]
        while (label := taught_by.get(chain[-1])) is not None:
            chain.append(label)
            if label == start:
                raise SpecError(
                    f"teachers form a circle: {' <- '.join(chain)}; give one of these arms another "
                    "teacher"
                )
            if label in chain[:-1]:
                break  # another start reports this circle


def _check_soft_head(arm: ResolvedArm, teacher: ResolvedArm) -> None:
    if teacher.provides.soft_head is None:
        name = teacher.spec.objective
        raise SpecError(
            f"arm '{arm.label}': its teacher '{teacher.label}' (objective '{name}') "
            "gives no soft targets, for it trains no head over its encoder that names the token "
            "at its own place; name an mlm or distill arm as teacher, or set soft_weight: 0"
        )
