"""What differs in a study from the one last run under its name at a home."""

import json
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from mae_bench.specs import Claim, Study


def changed_fields(study: Study, folder: Path) -> list[str]:
    """Return the fields in which a study differs from the one kept in its folder."""
    try:
        before = json.loads((folder / "study.json").read_bytes())
    except (OSError, ValueError):
        return []
    now = study.model_dump(mode="json")
    # a field that came with a later version had its default then
    before = {name: Study.model_fields[name].default for name in now} | before
    with suppress(ValidationError, TypeError):
        before["claims"] = [
            Claim.model_validate(claim).model_dump(mode="json") for claim in before["claims"]
        ]
    return sorted(name for name in before if now.get(name) != before[name])
