"""The study that an evaluation of finished encoders is: arms without a pretraining, and no file."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from mae_bench.errors import SpecError
from mae_bench.planning.overrides import override_field
from mae_bench.planning.shorthand import study_of
from mae_bench.sentences import sentence
from mae_bench.specs import Study


def evaluation_study(
    encoders: Sequence[str | Mapping[str, str]],
    fields: Mapping[str, Any],
    overrides: Sequence[str] = (),
) -> Study:
    """Return a study of encoders alone, named by a hash of what it asks for.

    So the same evaluation asked for again goes on where it was, and another one is another study.

    Args:
        encoders: as the ``encoders`` of a study.
        fields: of a study: tasks, protocols, train_sizes, noise, seeds.
        overrides: ``path.to.field=value``, the value in YAML.

    Raises:
        SpecError: in one sentence.
    """
    raw: dict[str, Any] = {"name": "evaluate", **fields, "encoders": list(encoders)}
    for override in overrides:
        override_field(raw, override)
    try:
        study = study_of(raw)
    except ValidationError as error:
        raise SpecError(sentence(error, Study)) from None
    if study.name != "evaluate":
        return study
    content = json.dumps(study.canonical(), sort_keys=True)
    name = f"evaluate-{hashlib.blake2b(content.encode(), digest_size=5).hexdigest()}"
    labels = ", ".join(encoder.label for encoder in study.encoders)
    words = study.description or f"Evaluates {labels}."
    return study.model_copy(update={"name": name, "description": words})
