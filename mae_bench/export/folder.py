"""The folder of an export, written whole or not at all."""

import json
import shutil
import tempfile
from pathlib import Path

from mae_bench.errors import StoreError
from mae_bench.export.card import about, write_card
from mae_bench.export.onnx import require_onnx, write_onnx
from mae_bench.export.runs import find_run
from mae_bench.store.store import Store

FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")


def export_run(store: Store, name: str, out: Path, *, has_onnx: bool = False) -> Path:
    """Write a pretraining as a folder that the Hub takes, with its model card; return it.

    Args:
        store: the home.
        name: an id of a pretraining, the start of one, or ``STUDY:ARM:SEED``.
        out: the folder, which must not hold anything yet.
        has_onnx: whether to add ``model.onnx``.

    Raises:
        StoreError: ``out`` holds something, or cannot be written.
        UnknownNameError: no such pretraining.
        SpecError: ONNX was asked for and is not installed, or cannot say the same.
    """
    if has_onnx:
        require_onnx()
    check_new(out)
    run = find_run(store, name)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    except OSError as error:
        raise StoreError(
            f"cannot write {out} ({error.strerror}); name another folder by --out"
        ) from None
    try:
        for file in FILES:
            shutil.copyfile(run.folder / file, made / file)
        if has_onnx:
            write_onnx(made, made / "model.onnx")
        card = write_card(run, out.name, has_onnx)
        (made / "README.md").write_text(card, encoding="utf-8")
        (made / "pretraining.json").write_text(json.dumps(about(run), indent=1) + "\n")
        made.chmod(0o755)
        if out.is_dir():
            out.rmdir()  # empty, as was checked; where it no longer is, this fails
        made.rename(out)
    except OSError as error:
        raise StoreError(
            f"cannot write {out} ({error.strerror}); name another folder by --out"
        ) from None
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return out


def check_new(out: Path) -> None:
    """Check that nothing would be overwritten.

    Raises:
        StoreError: ``out`` is a file, or a folder that holds something.
    """
    if out.is_dir() and not any(out.iterdir()):
        return
    if out.exists() or out.is_symlink():
        what = "holds files" if out.is_dir() else "is a file"
        raise StoreError(
            f"'{out}' {what}; name a folder that is not there yet by --out, or remove it"
        )
