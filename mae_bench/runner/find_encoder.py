"""Finds an encoder by what a user types: a folder, an encoder of the Hub, or a run of a home."""

import json
import re
from pathlib import Path

from mae_bench.data.encoders import parse_hub_encoder, resolve_commit
from mae_bench.errors import UnknownNameError
from mae_bench.store.store import Store
from mae_bench.user_paths import is_folder

_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w.-]+")
_RUN = re.compile(r"([^:]+):(.+):(\d+)")
FORMS = (
    "a folder, owner/name or owner/name@commit on the Hub, STUDY:ARM:SEED of this home, or the id "
    "of a pretraining in it"
)


def find_encoder(text: str, store: Store) -> dict[str, str]:
    """Return an encoder as a study names it: ``from``, and a ``label`` where it has one.

    Args:
        text: one of `FORMS`, behind ``LABEL=`` if it is to have another name.
        store: the home, whose runs can be named.

    Raises:
        UnknownNameError: there is none of that name.
        DataError: the Hub cannot be asked for the commit.
    """
    label, equals, rest = text.partition("=")
    if equals and label.strip() and not is_folder(text):
        return {**find_encoder(rest, store), "label": label.strip()}
    if is_folder(text) or parse_hub_encoder(text):
        return {"from": text}
    if (run := _RUN.fullmatch(text)) and store.study(run[1]).is_dir():
        return {"label": f"{run[2]}, seed {run[3]}", "from": str(_run(store, *run.groups()))}
    if store.is_done("pretrain", text):
        return {"label": text, "from": str(store.path("pretrain", text))}
    if _HUB_ID.fullmatch(text) and not text.startswith("."):
        return {"from": f"{text}@{resolve_commit(text)}"}
    raise UnknownNameError(f"no encoder '{text}' in {store.home}; name {FORMS}", text)


def _run(store: Store, study: str, arm: str, seed: str) -> Path:
    """Return the folder of a study's pretraining of an arm at a seed."""
    content = json.loads((store.study(study) / "plan.json").read_bytes())
    runs = {
        str(id_): label.removeprefix("pretrain ")
        for kind, id_, label in content["stages"]
        if kind == "pretrain"
    }
    ids = [id_ for id_, label in runs.items() if label == f"{arm}, seed {seed}"]
    if not ids:
        known = ", ".join(dict.fromkeys(label.rpartition(", seed ")[0] for label in runs.values()))
        raise UnknownNameError(
            f"study '{study}' at {store.home} has no pretraining of arm '{arm}' at seed {seed}; "
            f"its arms are {known or 'none'}, an arm and a seed are written {study}:ARM:SEED",
            arm,
        )
    done = [id_ for id_ in ids if store.is_done("pretrain", id_)]
    if len(ids) > 1 or not done:
        why = "is not finished" if len(ids) == 1 else f"is several ({', '.join(ids)}): name an id"
        raise UnknownNameError(
            f"the pretraining of arm '{arm}' at seed {seed} of study '{study}' {why}"
            + ("" if len(ids) > 1 else f"; `mae-bench run {study}.yaml` goes on"),
            arm,
        )
    return store.path("pretrain", done[0])
