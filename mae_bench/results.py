"""The row: one metric of one evaluated run, or one failure with its reason."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mae_bench.errors import DataError
from mae_bench.specs import Frozen

if TYPE_CHECKING:
    import pandas as pd  # half a second that planning does without

ROWS_FILE = "results.parquet"


class Row(Frozen):
    """One metric of one cell.

    ``value`` is None exactly where ``failure`` says why: a failure never becomes a number.
    Costs of pretraining are those of one pretraining of the arm at this seed, whatever the
    number of cells that share it. ``pretrain_flops`` and ``pretrain_s`` are whole: they hold what
    it took to make a teacher. Of the FLOPs that is ``teacher_pretrain_flops``; ``teacher_flops``
    is the part that ran the teacher's forward passes. ``plateau`` tells of a pretraining whose
    loss is no lower for reading; it has collapsed only where a probe of its encoder finds nothing
    either. ``grid_edge`` names the hyper-parameters that were chosen at an end of their grid,
    ``"C lowest"``: a better value may lie beyond. It is empty where none was, and None where no
    grid was tried.
    """

    study: str
    arm: str
    objective: str
    options: str = "{}"
    is_floor: bool = False
    corpus_tokens: int | None = None
    protocol: str
    task: str
    metric: str
    is_primary: bool = True
    train_size: str
    n_train: int | None = None
    n_test: int | None = None
    noise: str = "clean"
    noise_rate: float = 0.0
    noise_where: str = "test"
    seed: int
    pretrain_seed: int | None = None
    value: float | None = None
    failure: str | None = None
    is_collapsed: bool = False
    collapse: str = ""
    plateau: str | None = ""
    selection_value: float | None = None
    chosen: str = "{}"
    grid_edge: str | None = None
    pretrain_tokens: int | None = None
    pretrain_steps: int | None = None
    pretrain_flops: float | None = None
    pretrain_s: float | None = None
    encoder_flops: float | None = None
    decoder_flops: float | None = None
    head_flops: float | None = None
    teacher_flops: float | None = None
    teacher_pretrain_flops: float | None = None
    params_encoder: int | None = None
    params_objective: int | None = None
    evaluate_s: float | None = None
    evaluate_flops: float | None = None
    pretrain_id: str | None = None
    cell_id: str = ""


COLUMNS = list(Row.model_fields)
LATER = (
    "grid_edge",
    "plateau",
)  # columns that rows of earlier versions lack, where they mean "not known"


def frame(rows: list[dict[str, Any]]) -> "pd.DataFrame":
    """Return rows as a frame with exactly the columns of `Row`, in their order."""
    import pandas as pd

    return pd.DataFrame(rows, columns=COLUMNS)


def save_rows(table: "pd.DataFrame", path: Path) -> None:
    """Write a frame of rows as parquet, in one rename."""
    temporary = path.with_name(f".{path.name}.tmp")
    table.to_parquet(temporary, index=False)
    temporary.replace(path)


def load_rows(path: Path | str) -> "pd.DataFrame":
    """Read rows from a parquet file, or from a folder that holds one.

    Raises:
        DataError: no such file, or its columns are not those of `Row`.
    """
    import pandas as pd

    path = Path(path)
    if path.is_dir():
        found = [path / name for name in (ROWS_FILE, "rows.parquet") if (path / name).exists()]
        if not found:
            raise DataError(f"no rows in {path}: neither {ROWS_FILE} nor rows.parquet is there")
        path = found[0]
    if not path.exists():
        raise DataError(f"no rows at {path}: the file does not exist")
    table = pd.read_parquet(path)
    for name in LATER:
        if name not in table.columns:
            table[name] = None
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise DataError(f"{path} is not a table of rows: it lacks the columns {', '.join(missing)}")
    return table[COLUMNS]


def read_json(path: Path) -> Any:
    """Return the content of a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))
