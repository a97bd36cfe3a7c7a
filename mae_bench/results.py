"""The row: one metric of one evaluated run, or one failure with its reason."""

import json
import re
import uuid
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import ValidationError, field_serializer, field_validator, model_validator

from mae_bench.errors import DataError
from mae_bench.sentences import sentence
from mae_bench.specs import CLEAN, PER_CLASS, Frozen, NoiseSpec, TrainSize

if TYPE_CHECKING:
    import pandas as pd  # half a second that planning does without

ROWS_FILE = "results.parquet"
NO_ROWS = "there are no rows to report; run the study first (`mae-bench run`)"


class Row(Frozen):
    """One metric of one cell.

    An encoder that was not pretrained here has the ``objective`` "outside"; its ``options`` hold
    where it came from, and its pretraining's seed and costs are None.
    ``value`` is None exactly where ``failure`` says why: a failure never becomes a number.
    ``train_size`` is typed here and text in tables, whose columns have one type each; so is the
    noise, which tables hold in three columns.
    Costs of pretraining are those of one pretraining of the arm at this seed, whatever the
    number of cells that share it. ``pretrain_flops`` and ``pretrain_s`` are whole: they hold what
    it took to make a teacher. Of the FLOPs that is ``teacher_pretrain_flops``; ``teacher_flops``
    is the part that ran the teacher's forward passes. ``plateau`` tells of a pretraining whose
    loss is no lower for reading; it has collapsed only where a probe of its encoder finds nothing
    either. ``grid_edge`` names the hyper-parameters that were chosen at an end of their grid,
    ``"C lowest"``: a better value may lie beyond. It is empty where none was, and None where no
    grid was tried. ``pretrain_compile`` is how its training steps were run, with the reason where
    they were not run as asked; ``micro_batch_rows`` how many rows of a batch at once, on each of
    the ``pretrain_ranks`` that shared it.
    ``seeds_together`` is how many seeds were pretrained as one program, each of which is charged an
    equal share of its seconds; ``why_alone`` says why it was one where more were asked for.
    ``finetune_seed`` tells evaluations of one checkpoint apart (`Study.finetune_seeds`).
    ``pretrain_ratio`` is the share of the study's `budget_split` that the pretraining got, and
    ``train_flops`` what the training at the chosen rate took of the rest; both are None without
    that axis. ``grid_point`` is JSON: the values that the study's grid has there, by field; None
    without a grid. ``finetunes_together`` is how many learning rates, of one seed or of several,
    were trained as one program, for which each seed is charged an equal share of the seconds;
    ``why_finetuned_alone`` as ``why_alone``. ``probe_solver`` is what solved the linear models of a
    probe: scikit-learn, or torch on a GPU; ``finetune_compile`` how the steps of a fine-tune were
    run, as ``pretrain_compile``.
    """

    study: str
    arm: str
    objective: str
    options: str = "{}"
    is_floor: bool = False
    corpus_tokens: int | None = None
    pretrain_ratio: float | None = None
    grid_point: str | None = None
    protocol: str
    task: str
    metric: str
    is_primary: bool = True
    train_size: TrainSize
    n_train: int | None = None
    n_test: int | None = None
    noise: str = "clean"
    noise_rate: float = 0.0
    noise_where: Literal["test", "train", "both"] = "test"
    seed: int
    finetune_seed: int | None = 0
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
    pretrain_compile: str | None = None
    micro_batch_rows: int | None = None
    pretrain_ranks: int | None = None
    seeds_together: int | None = None
    why_alone: str | None = None
    evaluate_s: float | None = None
    evaluate_flops: float | None = None
    train_flops: float | None = None
    finetunes_together: int | None = None
    why_finetuned_alone: str | None = None
    probe_solver: str | None = None
    finetune_compile: str | None = None
    pretrain_id: str | None = None
    cell_id: str = ""

    @field_validator("train_size", mode="before")
    @classmethod
    def _typed_size(cls, value: object) -> object:
        return parse_size(value) if isinstance(value, str) else value

    @field_serializer("train_size")
    def _size_text(self, value: TrainSize) -> str:
        return str(value)

    @model_validator(mode="after")
    def _value_or_failure(self) -> Self:
        if self.value is not None and self.failure is not None:
            raise ValueError(
                f"value and failure exclude each other, got {self.value:g} and '{self.failure}'; "
                "a failed cell has no number"
            )
        if self.value is None and self.failure is None:
            raise ValueError(
                "value or failure must be given; a row without a value needs the reason in failure"
            )
        return self

    @property
    def noise_spec(self) -> NoiseSpec:
        """The noise of its cell."""
        return row_noise(self.noise, self.noise_rate, self.noise_where)


COLUMNS = list(Row.model_fields)
# columns that rows of earlier versions lack, where they mean "not known"
LATER = (
    "grid_edge",
    "plateau",
    "pretrain_compile",
    "micro_batch_rows",
    "pretrain_ranks",
    "seeds_together",
    "why_alone",
    "pretrain_ratio",
    "train_flops",
    "finetunes_together",
    "why_finetuned_alone",
    "probe_solver",
    "finetune_compile",
    "grid_point",
    "finetune_seed",
)


def make_row(columns: Mapping[str, object]) -> Row:
    """Return a checked row.

    Raises:
        DataError: an unknown column, a value of the wrong type, or a value beside a failure.
    """
    try:
        return Row.model_validate(dict(columns))
    except ValidationError as error:
        cell = " ".join(str(columns.get(name)) for name in ("arm", "task", "protocol", "metric"))
        raise DataError(f"no row can be made of {cell}: {sentence(error, Row)}") from None


@cache
def parse_size(text: str) -> TrainSize:
    """Return a train size from the text that tables hold.

    Raises:
        DataError: it is neither ``all``, a number, nor a number for each class.
    """
    try:
        if text == "all" or re.fullmatch(PER_CLASS, text):
            return text
        return int(text) if text.isdecimal() else float(text)
    except ValueError:
        raise DataError(
            f"train_size must be a count, a share below 1, such as '16/class', or 'all', got "
            f"'{text}'; mend the rows"
        ) from None


@cache
def row_noise(name: str, rate: float, where: str) -> NoiseSpec:
    """Return a noise from the columns of a table, whose ``noise`` may be the whole label.

    Raises:
        DataError: they are no noise.
    """
    if name == CLEAN.name:
        return CLEAN
    kind = name.partition(" ")[0] if name.endswith(")") else name
    try:
        return NoiseSpec.model_validate({"name": kind, "rate": rate, "where": where})
    except ValidationError as error:
        raise DataError(f"the noise of a row: {sentence(error, NoiseSpec)}") from None


def row_noises(table: "pd.DataFrame") -> list[NoiseSpec]:
    """Return the noise of each row of a table.

    Raises:
        DataError: a row's columns are no noise.
    """
    columns = zip(table["noise"], table["noise_rate"], table["noise_where"], strict=True)
    return [row_noise(str(name), float(rate), str(where)) for name, rate, where in columns]


def frame(rows: Iterable[Row | Mapping[str, object]]) -> "pd.DataFrame":
    """Return rows as a frame with exactly the columns of `Row`, in their order.

    Raises:
        DataError: what is given for a row is none; see `make_row`.
    """
    import pandas as pd

    checked = (row if isinstance(row, Row) else make_row(row) for row in rows)
    return pd.DataFrame([_columns(row) for row in checked], columns=COLUMNS)


def _columns(row: Row) -> dict[str, object]:
    """Return a row's columns, without those that neither it nor a default fills."""
    content = row.model_dump()
    return {
        name: value
        for name, value in content.items()
        if value is not None or name in row.model_fields_set
    }


def save_rows(table: "pd.DataFrame", path: Path) -> None:
    """Write a frame of rows as parquet, in one rename; other processes may end at that moment."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        table.to_parquet(temporary, index=False)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def load_rows(path: Path | str) -> "pd.DataFrame":
    """Read rows from a parquet file, or from a folder that holds one.

    Raises:
        DataError: no such file, or its columns are not those of `Row`.
    """
    import pandas as pd

    path = Path(path)
    if path.is_dir():
        files = [path / name for name in (ROWS_FILE, "rows.parquet") if (path / name).exists()]
        if not files:
            raise DataError(f"no rows in {path}: neither {ROWS_FILE} nor rows.parquet is there")
        path = files[0]
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
