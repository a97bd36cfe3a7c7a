"""What all specs are: frozen, strict, and hashed into stage ids."""

import hashlib
import json
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Ratio = Annotated[float, Field(gt=0, lt=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
TrainSize = Annotated[int, Field(ge=2)] | Ratio | Literal["all"]
Precision = Literal["auto", "fp32", "bf16"]


@dataclass(frozen=True)
class InWords:
    """What a field may be, where its type does not tell; an annotation.

    Attributes:
        in_words: after "must be".
        implied: what stands there unless it is given, in words; None for the field's own default.
    """

    in_words: str
    implied: str | None = None


Name = Annotated[
    str,
    Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$"),
    InWords("a text of a-z, 0-9, '.', '_' and '-', the first a letter or digit"),
]


class Frozen(BaseModel):
    """A strict, immutable value."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def canonical(self) -> dict[str, Any]:
        """Return JSON-ready content without defaults, so that a new option moves no old id."""
        return self.model_dump(mode="json", exclude_defaults=True)


def stage_id(kind: str, version: int, content: Any) -> str:
    """Return 16 hex digits that name a stage's result: its kind, version and content."""
    text = json.dumps([kind, version, content], sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
