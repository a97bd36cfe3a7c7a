"""The verb that exports: one pretraining as a folder for the Hub."""

from pathlib import Path
from typing import Annotated

import typer

from mae_bench.cli.options import Home, parse_folder

RunName = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="STUDY:ARM:SEED, or an id of the column pretrain_id of a study's rows."
    ),
]
Target = Annotated[
    Path,
    typer.Option("--out", "-o", help="The new folder.", parser=parse_folder, metavar="DIRECTORY"),
]
Onnx = Annotated[bool, typer.Option("--onnx", help="Write model.onnx, too; needs the extra onnx.")]


def export(run: RunName, out: Target, home: Home = None, onnx: Onnx = False) -> None:
    """Write a pretrained encoder as a folder for the Hub, with a model card; sends nothing."""
    from mae_bench.export.folder import export_run
    from mae_bench.store.store import Store
    from mae_bench.user_paths import user_path

    folder = export_run(Store(home), run, user_path(str(out)), has_onnx=onnx)
    typer.echo(str(folder))
