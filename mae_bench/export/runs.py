"""Which pretraining a user means, and the rows of the studies that evaluated it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mae_bench.errors import StoreError, UnknownNameError, near_match
from mae_bench.results import ROWS_FILE, load_rows
from mae_bench.store.store import Store

if TYPE_CHECKING:
    import pandas as pd

_KIND = "pretrain"
_SHOWN = 8  # names in an error
_SHORTEST = 4  # characters of an id that stand for it


@dataclass(frozen=True)
class Run:
    """One finished pretraining at a home.

    Attributes:
        id: of the pretraining, as in the column ``pretrain_id``.
        folder: config, weights and tokenizer, as transformers reads them.
        spec: what was asked for.
        cost: what it took, and how it ended.
        blocks: what is known of the rows of tokens that it read.
        rows: of every study at the home that has it among its arms, those of the arm's other
            seeds too.
    """

    id: str
    folder: Path
    spec: Mapping[str, Any]
    cost: Mapping[str, Any]
    blocks: Mapping[str, Any]
    rows: "pd.DataFrame"

    @property
    def own_rows(self) -> "pd.DataFrame":
        """The rows of this checkpoint itself."""
        return self.rows[self.rows["pretrain_id"] == self.id]


def find_run(store: Store, name: str) -> Run:
    """Return the pretraining of a name: an id, the start of one, or ``STUDY:ARM:SEED``.

    Raises:
        UnknownNameError: no such pretraining, or several; it says which there are.
        StoreError: its files are damaged.
    """
    id_ = _of_study(store, *parts) if (parts := _parts(name)) else _of_id(store, name)
    if reason := store.damage(_KIND, id_):
        folder = store.path(_KIND, id_)
        raise StoreError(f"{folder}: {reason}; remove that folder and run its study again")
    if not store.is_done(_KIND, id_):
        raise UnknownNameError(
            f"the pretraining {id_} of '{name}' is not done at {store.home}; run its study first"
        )
    spec = store.read_json(_KIND, id_, "spec.json")
    return Run(
        id=id_,
        folder=store.path(_KIND, id_),
        spec=spec,
        cost=store.read_json(_KIND, id_, "cost.json"),
        blocks=_blocks(store, spec["blocks"]),
        rows=_rows(store, id_),
    )


def _parts(name: str) -> tuple[str, str, int] | None:
    """Return study, arm and seed; a label may hold colons itself."""
    match = re.fullmatch(r"([^:]+):(.+):(-?\d+)", name)
    return (match[1], match[2], int(match[3])) if match else None


def _of_id(store: Store, name: str) -> str:
    folder = store.path(_KIND, "x").parent
    ids = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    fits = [id_ for id_ in ids if id_.startswith(name)] if len(name) >= _SHORTEST else []
    if name in ids:
        return name
    if len(fits) == 1:
        return fits[0]
    if fits:
        raise UnknownNameError(
            f"'{name}' is the start of {len(fits)} pretrainings at {store.home}: "
            f"{', '.join(fits[:_SHOWN])}; write more of one"
        )
    raise UnknownNameError(
        f"no pretraining '{name}' at {store.home}, which has {len(ids)}; name an id of the column "
        "pretrain_id of a study's rows, or STUDY:ARM:SEED such as fight:mae:0"
    )


def _of_study(store: Store, study: str, arm: str, seed: int) -> str:
    names = [path.parent.name for path in _tables(store)]
    if study not in names:
        raise UnknownNameError(
            f"no study '{study}' with rows at {store.home}; there are: "
            f"{', '.join(names[:_SHOWN]) or 'none'}.{near_match(study, names)}"
        )
    rows = load_rows(store.study(study))
    rows = rows[rows["pretrain_id"].notna()]
    arms = list(dict.fromkeys(rows["arm"]))
    if arm not in arms:
        raise UnknownNameError(
            f"study '{study}' has no pretrained arm '{arm}'; there are: "
            f"{', '.join(arms[:_SHOWN])}.{near_match(arm, arms)}"
        )
    rows = rows[rows["arm"] == arm]
    ids = list(dict.fromkeys(rows.loc[rows["pretrain_seed"] == seed, "pretrain_id"]))
    if not ids:
        seeds = sorted({int(value) for value in rows["pretrain_seed"].dropna()})
        raise UnknownNameError(
            f"arm '{arm}' of '{study}' was not pretrained with seed {seed}; there are: "
            f"{', '.join(map(str, seeds))}"
        )
    if len(ids) > 1:
        raise UnknownNameError(
            f"'{study}:{arm}:{seed}' are {len(ids)} pretrainings, of several sizes or shares: "
            f"{', '.join(ids[:_SHOWN])}; name one of them"
        )
    return str(ids[0])


def _tables(store: Store) -> list[Path]:
    return sorted((store.home / "studies").glob(f"*/{ROWS_FILE}"))


def _rows(store: Store, id_: str) -> "pd.DataFrame":
    """Return the rows of those arms that hold a pretraining, as each study has them."""
    import pandas as pd

    tables = [load_rows(path) for path in _tables(store)]
    parts = []
    for table in tables:
        arms = set(table.loc[table["pretrain_id"] == id_, "arm"])
        if arms:
            parts.append(table[table["arm"].isin(arms)])
    if not parts:
        return load_rows(_tables(store)[0]).iloc[:0] if tables else pd.DataFrame()
    return pd.concat(parts, ignore_index=True)


def _blocks(store: Store, id_: str | None) -> Mapping[str, Any]:
    """Return the facts of a corpus; {} where it was removed since."""
    if id_ is None or not store.is_done("blocks", id_):
        return {}
    facts: Mapping[str, Any] = store.read_json("blocks", id_, "meta.json")
    return facts
