"""What each arm of a study can be asked for tokens, known before anything is run.

Of an arm its objective says it, of an outside encoder its config.json, of a run of this suite that
is read as an encoder the objective that it was trained with. An encoder of the Hub that is not
there yet is taken to have a head: whether it has shows when it is read.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mae_bench.data.digests import file_digest
from mae_bench.data.encoder_files import OBJECTIVE, read_config
from mae_bench.data.encoder_heads import architecture_name, named_head
from mae_bench.errors import MaeBenchError
from mae_bench.planning.arms import ResolvedArm
from mae_bench.planning.outside_arms import folder_of
from mae_bench.specs import EncoderSpec, Study

if TYPE_CHECKING:
    from mae_bench.objectives.base import Provisions


@dataclass(frozen=True)
class Head:
    """What a checkpoint answers beside its vectors.

    Attributes:
        names_tokens: whether it says how likely a text's tokens are.
        fills_gaps: whether it names hidden tokens that a caller chooses. What predicts tokens of
            its own choice, as deshuffling does, does not; what reads from left to right has no gap.
        why_not: of an outside encoder that names none, the reason.
        files: what identifies a head that stands in a file of its own beside an outside encoder;
            None of all others, whose head is part of what identifies the checkpoint.
    """

    names_tokens: bool
    fills_gaps: bool
    why_not: str = ""
    files: str | None = None


NO_HEAD = Head(names_tokens=False, fills_gaps=False)


def heads_of(study: Study, arms: Iterable[ResolvedArm]) -> dict[str, Head]:
    """Return the head of each arm and encoder of a study, by label, in their order."""
    heads = {arm.label: _provided(arm.provides) for arm in arms}
    return heads | {encoder.label: _head_of_encoder(encoder) for encoder in study.encoders}


def asked_heads(study: Study, arms: Iterable[ResolvedArm]) -> dict[str, Head]:
    """Return `heads_of` where a protocol of the study may ask them; none elsewhere.

    To tell the head of a run its file is hashed and its objective looked up.
    """
    from mae_bench.protocols.base import PROTOCOLS

    protocols = [PROTOCOLS.get(name) for name in study.protocols]
    may_ask = any(each.needs_scorer or each.token_kinds is not None for each in protocols)
    return heads_of(study, arms) if may_ask else {}


def _provided(provides: "Provisions") -> Head:
    scorer = provides.scorer
    return Head(scorer is not None, scorer is not None and not scorer.is_left_to_right)


def _head_of_encoder(encoder: EncoderSpec) -> Head:
    folder = folder_of(encoder)
    if folder is None:
        return Head(names_tokens=True, fills_gaps=True)
    if (folder / OBJECTIVE).is_file():
        return head_of_run(folder)
    config = read_config(folder)
    kind = named_head(config)
    name = architecture_name(config) or "its config.json, which names no architecture,"
    why_not = "" if kind else f"{name} has no head that names tokens"
    return Head(kind is not None, kind == "masked", why_not)


def head_of_run(folder: Path) -> Head:
    """Return the head of a pretraining of this suite, whose objective lies beside its encoder."""
    from mae_bench.objectives.base import OBJECTIVES, parse_options

    try:
        spec = json.loads((folder / "spec.json").read_bytes())
        name, options = str(spec["objective"]), spec["options"]
        head = _provided(OBJECTIVES.get(name).provides(parse_options(name, options)))
    except (OSError, ValueError, KeyError, TypeError, MaeBenchError):
        return Head(False, False, "nothing says which objective it was trained with")
    if not head.names_tokens:
        return Head(False, False, f"objective '{name}' names no tokens")
    content = json.dumps([name, options, file_digest(folder / OBJECTIVE)], sort_keys=True)
    files = hashlib.blake2b(content.encode(), digest_size=8).hexdigest()
    return Head(head.names_tokens, head.fills_gaps, files=files)
