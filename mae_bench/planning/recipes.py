"""The recipe that a study sets for each protocol: under ``recipes``, or under a short form.

``recipes: {linear_probe: {max_iter: 50}}`` means what ``linear_probe: {max_iter: 50}`` means.
``recipes: {finetune/lora: {lora: {rank: 8}}}`` is a variant: ``protocols`` may name it beside
``finetune``, whose recipe it has but for what is written. Its name stands in rows and in no id, so
that a variant that changes nothing is not run twice.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import ValidationError

from mae_bench.errors import SpecError, UnknownNameError
from mae_bench.planning.outside_arms import BACKBONE, length_limits
from mae_bench.sentences import first_key_path, sentence
from mae_bench.specs import Frozen, Study

if TYPE_CHECKING:
    from mae_bench.protocols.base import Protocol

SHORT_FORMS = ("finetune", "linear_probe", "representation")  # keys of a study, named as protocols
_VARIANT = re.compile(r"[a-z0-9][a-z0-9_.-]*")  # of what follows the slash, which names files


def with_recipes(study: Study) -> Study:
    """Return a study whose recipes are checked, those with a short form under it.

    Raises:
        SpecError: no protocol has that name, it has no such option or value, the study does not
            run it, or a recipe is written twice.
    """
    from mae_bench.protocols.base import PROTOCOLS

    short_recipes: dict[str, Frozen] = {}
    rest: dict[str, Mapping[str, object]] = {}
    for name, content in study.recipes.items():
        try:
            protocol = PROTOCOLS.get(name)
        except UnknownNameError as error:
            raise UnknownNameError(f"recipes: {error}", name) from None
        recipe = _validated(name, protocol, content)
        if is_variant(name) and not _VARIANT.fullmatch(name.partition("/")[2]):
            raise SpecError(
                f"recipes: a variant is a protocol, a slash and a name of a-z, 0-9, '.', '_' and "
                f"'-', got '{name}'; write {protocol.name}/other",
                name,
                ("recipes", name),
            )
        if not _is_run(name, protocol, study):
            raise SpecError(
                f"recipes.{name} sets a protocol that this study does not run "
                f"({', '.join(study.protocols)}, and floors that fit its tasks); drop it, or add "
                f"'{name}' to protocols",
                name,
                ("recipes", name),
            )
        if name not in SHORT_FORMS:
            rest[name] = content
            continue
        if name in study.model_fields_set:
            raise SpecError(
                f"recipes.{name} and {name} are one recipe, and the study has both; keep one",
                name,
                ("recipes", name),
            )
        short_recipes[name] = recipe
    return study.model_copy(update={**short_recipes, "recipes": rest}) if study.recipes else study


def unread_recipes(study: Study) -> list[str]:
    """Return a sentence for each short form that is written and that no protocol reads.

    They are not refused as those under ``recipes`` are: ``--set protocols=[finetune]`` may leave
    out for once what the file sets.
    """
    from mae_bench.protocols.base import PROTOCOLS

    names = [*study.protocols, *([study.tuning.protocol] if study.tuning else [])]
    kinds = tuple(PROTOCOLS.get(name).recipe for name in names if name in PROTOCOLS)
    return [
        f"{name} sets a protocol that this study does not run ({', '.join(study.protocols)}), and "
        f"moves nothing; drop it, or add '{name}' to protocols"
        for name in SHORT_FORMS
        if name in study.model_fields_set and not isinstance(getattr(study, name), kinds)
    ]


def is_variant(name: str) -> bool:
    """Whether a protocol is named with another recipe than the study's own for it."""
    return "/" in name


def check_variants(study: Study) -> None:
    """Refuse variants without a recipe.

    Raises:
        UnknownNameError: the first of them.
    """
    tuned = (study.tuning.protocol,) if study.tuning else ()
    for name in (*study.protocols, *tuned):
        if is_variant(name) and name not in study.recipes:
            known = [other for other in study.recipes if is_variant(other)]
            raise UnknownNameError(
                f"protocols names the variant '{name}', which has no recipe; variants of this "
                f"study: {', '.join(known) or 'none'}. Write what it changes under "
                f"recipes: {{{name}: {{...}}}}",
                name,
            )


def recipe_of(study: Study, name: str) -> Frozen:
    """Return the recipe of a protocol, or of a variant, in a checked study.

    A protocol of another package that has the recipe of one with a short form, and none of its
    own under ``recipes``, takes what the short form sets. A ``max_length`` that is not written is
    at most what every encoder of the study has positions for.
    """
    from mae_bench.protocols.base import PROTOCOLS

    protocol = PROTOCOLS.get(name)
    if is_variant(name):
        own = _own_recipe(study, protocol)
        changed = {**own.model_dump(exclude_unset=True), **study.recipes[name]}
        recipe = _validated(name, protocol, changed)
    else:
        recipe = _own_recipe(study, protocol)
    return _fitted(recipe, _most_tokens(study))


def _own_recipe(study: Study, protocol: "Protocol") -> Frozen:
    for name in (protocol.name, protocol.recipe_from):
        if name in study.recipes:
            return _validated(name, protocol, study.recipes[name])
    set_by_study = (getattr(study, name) for name in SHORT_FORMS)
    recipe: Frozen | None
    recipe = next((r for r in set_by_study if isinstance(r, protocol.recipe)), None)
    return recipe or protocol.recipe()


def with_fitted_lengths(study: Study) -> Study:
    """Return a study whose short recipes fit the encoder where their length was left out."""
    limit = _most_tokens(study)
    return study.model_copy(
        update={
            name: fitted
            for name in SHORT_FORMS
            if (fitted := _fitted(getattr(study, name), limit)) is not getattr(study, name)
        }
    )


def check_lengths(study: Study) -> None:
    """Refuse texts that are longer than the encoder has positions.

    Raises:
        SpecError: the first of them.
    """
    limits = length_limits(study)
    lengths = {"corpus.row_length": study.corpus.row_length} if study.objectives else {}
    for name in study.protocols:
        length = getattr(recipe_of(study, name), "max_length", None)
        where = name if name in SHORT_FORMS else f"recipes.{name}"
        if length is not None:
            lengths[f"{where}.max_length"] = length
    for field, length in lengths.items():
        for owner, limit in limits.items():
            if length > limit and (field != "corpus.row_length" or owner == BACKBONE):
                other = f"raise {BACKBONE}" if owner == BACKBONE else "leave that encoder out"
                raise SpecError(
                    f"{field} must be at most {owner} {limit}, got {length}; lower it, or {other}"
                )


def _most_tokens(study: Study) -> int | None:
    """Return the longest text that every encoder of the study reads; None without a limit."""
    return min(length_limits(study).values(), default=None)


def _is_run(name: str, protocol: "Protocol", study: Study) -> bool:
    """Whether a study evaluates by a protocol: for its rows, for its trials, or as a floor.

    The recipe of a protocol is also read by its variants.
    """
    from mae_bench.tasks.base import ARROW, TASKS
    from mae_bench.tasks.corpus_task import KIND as CORPUS_KIND
    from mae_bench.tasks.corpus_task import is_corpus_task

    if protocol.needs_checkpoint:
        asked = (*study.protocols, *([study.tuning.protocol] if study.tuning else []))
        return name in asked or name in (other.partition("/")[0] for other in asked)
    tested = [task.rpartition(ARROW)[2] for task in study.real_tasks]
    kinds = [TASKS.get(task).kind for task in tested if task in TASKS]
    kinds += [CORPUS_KIND for task in tested if is_corpus_task(task)]
    kinds += [spec.kind for spec in study.own_tasks if spec.name in study.tasks]
    return not kinds or any(protocol.fits(kind) for kind in kinds)


def _fitted(recipe: Frozen, limit: int | None) -> Frozen:
    length = getattr(recipe, "max_length", None)
    if length is None or "max_length" in recipe.model_fields_set:
        return recipe
    if limit is None or length <= limit:
        return recipe
    return recipe.model_copy(update={"max_length": limit})


def _validated(name: str, protocol: "Protocol", content: Mapping[str, object]) -> Frozen:
    where = ("recipes", name)
    try:
        return protocol.recipe.model_validate(content)
    except ValidationError as error:
        key_path = first_key_path(error, protocol.recipe)
        text = sentence(error, protocol.recipe, where)
        raise SpecError(text, str(key_path[-1]) if key_path else "", (*where, *key_path)) from None
