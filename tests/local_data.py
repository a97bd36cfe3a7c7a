"""Local data as users keep it: a folder for each task, a parquet file for each split."""

import pyarrow
import pyarrow.parquet


def write_split(data_dir, task, split, columns):
    """Write the columns of a task's split."""
    folder = data_dir / task
    folder.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.table(columns), folder / f"{split}.parquet")
