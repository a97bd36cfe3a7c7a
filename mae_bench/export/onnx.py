"""An encoder as ONNX, compared with the weights that it came from."""

from pathlib import Path
from typing import TYPE_CHECKING

from mae_bench.errors import SpecError

if TYPE_CHECKING:
    import torch

EXTRA = "onnx"
MAX_CHANGE = 1e-3  # of the largest hidden value: fp32 sums in another order move far less
_ROWS, _TOKENS, _PADS = 3, 12, 5
FIRST_ID = 5  # behind the special tokens


def require_onnx() -> None:
    """Check that what writes and reads ONNX is installed.

    Raises:
        SpecError: it is not.
    """
    try:
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise SpecError(
            f"--onnx needs {error.name}, which is not installed; "
            f"run: python -m pip install 'mae-bench[{EXTRA}]'"
        ) from None


def write_onnx(folder: Path, path: Path) -> None:
    """Write the encoder of a folder: ``input_ids``, ``attention_mask`` -> ``last_hidden_state``.

    Numbers of rows and of tokens are free.

    Raises:
        SpecError: the graph says something else than the weights, on a padded batch of another
            shape than the one that it was traced with.
    """
    import logging
    import warnings

    import torch
    from torch import nn

    from mae_bench.data.encoder_files import read_config
    from mae_bench.model.encoder_folder import read_encoder

    class LastHidden(nn.Module):
        """The encoder with plain tensors in and out."""

        def __init__(self) -> None:
            super().__init__()
            self.encoder = read_encoder(folder, 0.0)

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            out = self.encoder(input_ids=input_ids, attention_mask=attention_mask)
            hidden: torch.Tensor = out.last_hidden_state
            return hidden

    model = LastHidden().eval()
    vocab_size = int(read_config(folder)["vocab_size"])
    rows, tokens = torch.export.Dim("rows"), torch.export.Dim("tokens")
    axes = {0: rows, 1: tokens}
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it lists what it does not need
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch's exporter about its own parts
        program = torch.onnx.export(
            model,
            _batch(_ROWS - 1, _TOKENS + 1, vocab_size),
            dynamo=True,
            verbose=False,
            input_names=["input_ids", "attention_mask"],
            output_names=["last_hidden_state"],
            dynamic_shapes={"input_ids": axes, "attention_mask": axes},
        )
        assert program is not None  # with dynamo it returns one
        program.save(path)
    _compare(model, path, _batch(_ROWS, _TOKENS, vocab_size))


def _batch(rows: int, tokens: int, vocab_size: int) -> "tuple[torch.Tensor, torch.Tensor]":
    """Return ids and mask [rows, tokens], the last row with pads."""
    import torch

    span = max(1, vocab_size - FIRST_ID)
    ids = FIRST_ID + torch.arange(rows * tokens).reshape(rows, tokens) % span
    mask = torch.ones_like(ids)
    mask[-1, tokens - _PADS :] = 0
    return ids, mask


def _compare(model: "torch.nn.Module", path: Path, batch: "tuple[torch.Tensor, ...]") -> None:
    import numpy as np
    import onnxruntime
    import torch

    with torch.no_grad():
        wanted = model(*batch).numpy()
    names = ("input_ids", "attention_mask")
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    got = session.run(None, {n: t.numpy() for n, t in zip(names, batch, strict=True)})[0]
    is_read = batch[1].numpy() == 1
    change = float(np.abs(got - wanted)[is_read].max() / np.abs(wanted[is_read]).max())
    if not change <= MAX_CHANGE:
        raise SpecError(
            f"the ONNX graph of this encoder says something else than its weights: values differ "
            f"by {change:.2g} of the largest, more than {MAX_CHANGE:g}; leave out --onnx"
        )
